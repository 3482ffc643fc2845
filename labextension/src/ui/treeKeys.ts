import type * as React from 'react';

/**
 * Moves through a tree with the keyboard as the ARIA tree pattern asks: up, down, home and end move the focus,
 * right opens or goes in, left closes or goes out, enter and space press. Items are elements of role `treeitem`
 * whose first child is what the mouse presses.
 */
export function treeKeys(event: React.KeyboardEvent<HTMLElement>): void {
  const item = (event.target as HTMLElement).closest<HTMLElement>('[role=treeitem]');
  if (!item || event.target !== item || event.ctrlKey || event.altKey || event.metaKey) {
    return;
  }
  const act = actions(event.currentTarget, item)[event.key];
  if (act) {
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}

function actions(tree: HTMLElement, item: HTMLElement): Record<string, () => void> {
  const all = [...tree.querySelectorAll<HTMLElement>('[role=treeitem]')];
  const place = all.indexOf(item);
  const level = (one: HTMLElement | undefined): number => Number(one?.getAttribute('aria-level') ?? 0);
  const press = (): void => (item.firstElementChild as HTMLElement | null)?.click();
  const go = (one: HTMLElement | undefined): void => one?.focus();
  const open = item.getAttribute('aria-expanded');
  const parent = all
    .slice(0, place)
    .reverse()
    .find(one => level(one) < level(item));
  return {
    ArrowDown: () => {
      go(all[place + 1]);
    },
    ArrowUp: () => {
      go(all[place - 1]);
    },
    Home: () => {
      go(all[0]);
    },
    End: () => {
      go(all.at(-1));
    },
    ArrowRight: () => {
      if (open === 'false') {
        press();
      } else if (level(all[place + 1]) > level(item)) {
        go(all[place + 1]);
      }
    },
    ArrowLeft: () => {
      if (open === 'true') {
        press();
      } else {
        go(parent);
      }
    },
    Enter: () => {
      press();
    },
    ' ': () => {
      press();
    }
  };
}
