import { useEffect, useRef } from 'preact/hooks';
import { apiKey } from '../api/client.js';

interface Props {
  readonly open: boolean;
  /** True when the service has refused the key, or the lack of one. */
  readonly refused: boolean;
  readonly onClose: () => void;
  readonly onKey: (key: string) => void;
}

/** Asks for the access key; it stays in this browser. */
export function KeyDialog({ open, refused, onClose, onKey }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <dialog ref={dialog} aria-labelledby="key-title" onClose={onClose}>
      <form method="dialog" onSubmit={() => onKey(input.current?.value.trim() ?? '')}>
        <h2 id="key-title">Access key</h2>
        <p>
          {refused &&
            (apiKey() === '' ? 'The service needs an access key. ' : 'The service does not take this key. ')}
          It is kept in this browser and sent with every request.
        </p>
        {/* No header can carry other characters. */}
        <input
          ref={input}
          type="password"
          autocomplete="off"
          aria-label="Access key"
          pattern="\s*[!-~]*\s*"
          title="A key has letters, digits and signs of ASCII, without spaces"
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
