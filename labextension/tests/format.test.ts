import { describe, expect, it } from 'vitest';
import { age, duration, number } from '../src/model/format';

describe('number', () => {
  it.each([
    [0.421318, '0.42132'],
    [12345, '12,345'],
    [0, '0'],
    [-3.5, '-3.5'],
    [1.2e-7, '1.2e-7'],
    [123456.789, '1.2346e+5'],
    ['NaN', 'NaN'],
    ['-Infinity', '−∞'],
    ['Infinity', '∞'],
    [null, '']
  ])('writes %s as %s', (value, text) => {
    expect(number(value)).toBe(text);
  });
});

describe('duration', () => {
  it.each([
    [0.085, '85 ms'],
    [2.31, '2.3 s'],
    [245, '4 min 05 s'],
    [11_220, '3 h 07 min'],
    [187_200, '2 d 04 h'],
    [null, '']
  ])('writes %s seconds as %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

describe('age', () => {
  it.each([
    [0, 'now'],
    [44, 'now'],
    [50, '1 min'],
    [299, '4 min'],
    [7200, '2 h'],
    [200_000, '2 d']
  ])('writes %s seconds ago as %s', (seconds, text) => {
    expect(age(0, seconds * 1e6)).toBe(text);
  });

  it('is empty for a run that has not begun', () => {
    expect(age(null, 0)).toBe('');
  });
});
