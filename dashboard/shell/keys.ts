import { useEffect, useRef } from 'preact/hooks';

/**
 * Keys that do something wherever the focus is: not where its element has a use of its own for them, nor in the parts of
 * the page given, nor under a dialog.
 */
export function useKeys(actions: Readonly<Record<string, () => void>>, notIn?: string): void {
  const newest = useRef(actions);
  newest.current = actions;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { key, target, ctrlKey, metaKey, altKey } = event;
      if (!Object.hasOwn(newest.current, key) || ctrlKey || metaKey || altKey) return;
      if (document.querySelector('dialog[open]')) return;
      if (target instanceof Element && (usesKey(target, key) || (notIn && target.closest(notIn)))) return;
      event.preventDefault();
      newest.current[key]();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

const usesKey = (element: Element, key: string): boolean =>
  element.matches('textarea, select, input:not([type="range"])') ||
  element.matches(key === ' ' ? 'button, summary' : 'input');
