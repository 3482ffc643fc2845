/** How numbers, durations and ages are written; the same way as in `jupyter_tracker.formats`. */

import type { Value } from './api';

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** A number in at most five significant digits: 0.42132, 12,345, 1.2e-7. */
export function number(value: Value): string {
  if (value === null) {
    return '';
  }
  if (typeof value === 'string') {
    return value.replace('-Infinity', '−∞').replace('Infinity', '∞');
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e15) {
    return value.toLocaleString('en');
  }
  const short = Number(value.toPrecision(5));
  const size = Math.abs(short);
  return size >= 1e-4 && size < 1e5 ? String(short) : short.toExponential();
}

/** A span of time: 85 ms, 2.3 s, 4 min 05 s, 3 h 07 min, 2 d 04 h. */
export function duration(seconds: number | null): string {
  if (seconds === null) {
    return '';
  }
  if (seconds < 1) {
    return `${(seconds * 1000).toFixed(0)} ms`;
  }
  if (seconds < MINUTE) {
    return `${seconds.toFixed(1)} s`;
  }
  if (seconds < HOUR) {
    return `${Math.floor(seconds / MINUTE)} min ${two(seconds % MINUTE)} s`;
  }
  if (seconds < DAY) {
    return `${Math.floor(seconds / HOUR)} h ${two((seconds % HOUR) / MINUTE)} min`;
  }
  return `${Math.floor(seconds / DAY)} d ${two((seconds % DAY) / HOUR)} h`;
}

/** How long ago something was, short enough for a narrow column: now, 5 min, 3 h, 2 d. */
export function age(time: number | null, now: number): string {
  if (time === null) {
    return '';
  }
  const seconds = (now - time) / 1e6;
  if (seconds < 45) {
    return 'now';
  }
  if (seconds < HOUR) {
    return `${Math.max(1, Math.floor(seconds / MINUTE))} min`;
  }
  return seconds < DAY ? `${Math.floor(seconds / HOUR)} h` : `${Math.floor(seconds / DAY)} d`;
}

function two(amount: number): string {
  return String(Math.floor(amount)).padStart(2, '0');
}
