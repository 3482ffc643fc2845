import * as React from 'react';

interface Props {
  level: number;
  label: string;
  /** Undefined for what cannot be opened. */
  open?: boolean;
  className: string;
  row: React.ReactNode;
  onPress: () => void;
  /** What is shown below the row. */
  children?: React.ReactNode;
}

/** One item of a tree: a row to press, with what belongs to it below. `treeKeys` moves among them. */
export function Item({ level, label, open, className, row, onPress, children }: Props): React.JSX.Element {
  return (
    <div role="treeitem" tabIndex={-1} aria-level={level} aria-label={label} aria-expanded={open}>
      <div className={`jt-row ${className}`} onClick={onPress}>
        {row}
      </div>
      {children}
    </div>
  );
}
