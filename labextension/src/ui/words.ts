import * as React from 'react';

/** Translates; `%1`, `%2` … stand for the arguments. */
export interface Words {
  __(text: string, ...args: (string | number)[]): string;
}

/** Says everything in English. */
export const english: Words = {
  __: (text, ...args) =>
    args.reduce<string>((said, one, place) => said.replace(`%${place + 1}`, String(one)), text)
};

const Context = React.createContext(english);

export const WordsProvider = Context.Provider;

export const useWords = (): Words => React.useContext(Context);
