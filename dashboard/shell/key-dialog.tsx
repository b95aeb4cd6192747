import { useEffect, useRef } from 'preact/hooks';
import { apiKey, setApiKey } from '../api/client.js';

interface Props {
  readonly open: boolean;
  /** True when the service has refused the key, or the lack of one. */
  readonly refused: boolean;
  readonly onClose: () => void;
}

/** Asks for the access key; it stays in this browser. */
export function KeyDialog({ open, refused, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="key-title" onClose={onClose}>
      <form method="dialog" onSubmit={() => setApiKey(input.current?.value.trim() ?? '')}>
        <h2 id="key-title">Access key</h2>
        <p>
          {refused && apiKey() !== ''
            ? 'The service does not take this key.'
            : 'It is kept in this browser and sent with every request.'}
        </p>
        <input
          ref={input}
          type="password"
          autocomplete="off"
          aria-label="Access key"
          defaultValue={apiKey()}
        />
        <div class="buttons">
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button type="submit" class="primary">
            Use it
          </button>
        </div>
      </form>
    </dialog>
  );
}
