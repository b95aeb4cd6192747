import { useEffect, useState } from 'preact/hooks';
import { useFocusKept } from './hooks.js';

export interface Toast {
  readonly text: string;
  readonly tone?: 'error';
  readonly ms?: number;
  readonly action?: { readonly label: string; readonly run: () => void };
}

interface Shown extends Toast {
  readonly key: number;
}

const SHOWN_MS = 6000;
const MOST = 3;

let shown: readonly Shown[] = [];
let keys = 0;
let redraw: () => void = () => undefined;

function set(toasts: readonly Shown[]): void {
  shown = toasts;
  redraw();
}

/** Shows a line for a while, with something that can be done about it. */
export function showToast(toast: Toast): void {
  const key = ++keys;
  set([...shown, { ...toast, key }].slice(-MOST));
  setTimeout(() => dismiss(key), toast.ms ?? SHOWN_MS);
}

/** The one that can be acted on is the one that a key just pressed has brought. */
const takeFocus = (button: HTMLButtonElement | null): void => button?.focus();

const dismiss = (key: number): void => set(shown.filter((toast) => toast.key !== key));

export function Toasts() {
  const [, setCount] = useState(0);
  useEffect(() => {
    redraw = () => setCount((n) => n + 1);
  }, []);
  useFocusKept('.rows', shown.length);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map(({ key, text, tone, action }) => (
        <div key={key} class="toast" data-tone={tone}>
          <span>{text}</span>
          {action && (
            <button
              ref={takeFocus}
              type="button"
              onClick={() => {
                dismiss(key);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
