import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import typescript from 'typescript-eslint';

/** Which folder may import what: the model nothing, clients and views the model, hosts everything. */
const layer = (folder, ...patterns) => ({
  files: [`src/${folder}/**`],
  rules: {
    'no-restricted-imports': ['error', { patterns: ['@jupyterlab/*', '@lumino/*', ...patterns] }]
  }
});

export default typescript.config(
  js.configs.recommended,
  ...typescript.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname }
    },
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      // Listeners that only pass on what they call.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A number in a text is meant.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }]
    }
  },
  layer('model', 'react', '../*'),
  layer('clients', 'react', '../ui/*', '../hosts/*'),
  layer('ui', '../clients/*', '../hosts/*'),
  {
    // The model runs without a page.
    files: ['src/model/**'],
    rules: { 'no-restricted-globals': ['error', 'document', 'window', 'fetch', 'WebSocket'] }
  }
);
