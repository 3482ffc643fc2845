import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import typescript from 'typescript-eslint';

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
      // A number in a text is meant.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }]
    }
  },
  {
    // Only the hosts know Jupyter.
    files: ['src/{model,clients,ui}/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['@jupyterlab/*', '@lumino/*', '*/hosts/*'] }]
    }
  },
  {
    // The model knows neither a view nor a way to the server.
    files: ['src/model/**'],
    rules: {
      'no-restricted-imports': ['error', { patterns: ['react', '@jupyterlab/*', '@lumino/*', '../*'] }]
    }
  }
);
