import * as React from 'react';

/** The time in microseconds, renewed every half minute while the component is shown. */
export function useNow(): number {
  const [now, setNow] = React.useState(() => Date.now() * 1000);
  React.useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now() * 1000);
    }, 30_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}

/** A value that follows `value` after it has rested for `wait` milliseconds. */
export function useSettled<T>(value: T, wait: number): T {
  const [settled, setSettled] = React.useState(value);
  React.useEffect(() => {
    const timer = setTimeout(() => {
      setSettled(value);
    }, wait);
    return () => {
      clearTimeout(timer);
    };
  }, [value, wait]);
  return settled;
}
