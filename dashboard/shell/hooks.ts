import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** The time, drawn anew every second or every so often. */
export function useNow(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** Whether somebody prefers that nothing moves by itself. */
export function useReducedMotion(): boolean {
  const [query] = useState(() => matchMedia('(prefers-reduced-motion: reduce)'));
  const [reduced, setReduced] = useState(query.matches);
  useEffect(() => {
    const read = (): void => setReduced(query.matches);
    query.addEventListener('change', read);
    return () => query.removeEventListener('change', read);
  }, []);
  return reduced;
}

/** Gives the focus to another element when the one that had it has gone with a change, or can be seen no more. */
export function useFocusKept(selector: string, change: unknown): void {
  const before = useRef(change);
  const { body, activeElement: holder } = document; // of the page as it was
  useLayoutEffect(() => {
    if (before.current === change) return;
    before.current = change;
    const gone = document.activeElement === body || holder?.getClientRects().length === 0;
    if (holder !== body && gone)
      document.querySelector<HTMLElement>(selector)?.focus({ preventScroll: true });
  }, [change]);
}
