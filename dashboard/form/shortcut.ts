import { useEffect, useRef, type MutableRef } from 'preact/hooks';

/** Ctrl+Enter sends the form from anywhere on the page where it means nothing else, unless the form is out of sight. */
export function useShortcut(form: MutableRef<HTMLFormElement | null>, submit: () => void): void {
  const latest = useRef(submit);
  latest.current = submit;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { key, target, repeat } = event;
      if (key !== 'Enter' || !(event.ctrlKey || event.metaKey) || !form.current?.offsetParent) return;
      const outside = target instanceof Element && !form.current.contains(target);
      if (outside && target.closest('a, button, dialog')) return;
      event.preventDefault(); // the browser would send the form too
      if (!repeat) latest.current();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}
