import { useEffect, useRef, useState } from 'preact/hooks';
import type { Parameters } from '../api/wire.js';
import { size } from '../tasks/describe.js';
import type { FormAction, FormState, SourceKind } from './form-state.js';

interface Props {
  readonly state: FormState;
  readonly limits: Parameters['limits'];
  readonly errors: Readonly<Record<string, string>>;
  readonly dispatch: (action: FormAction) => void;
}

const KINDS: readonly (readonly [SourceKind, string])[] = [
  ['prompt', 'Prompt'],
  ['image', 'Picture'],
  ['image_url', 'Address'],
];

/** The names under which the service may speak of the picture that is sent. */
const IMAGE_FIELDS = ['image', 'file', 'picture'];

/** Where the picture comes from: words, a file (chosen, dropped or pasted anywhere on the page), or an address. */
export function SourceInput({ state, limits, errors, dispatch }: Props) {
  useDropAndPaste((picture) => dispatch({ type: 'picture', picture }));
  const { source } = state;
  const names = source === 'image' ? IMAGE_FIELDS : [source];
  const error = names.map((name) => errors[name]).find((message) => message !== undefined);
  return (
    <div class="source" data-error={error !== undefined}>
      <div class="segments" role="radiogroup" aria-label="Where the picture comes from">
        {KINDS.map(([kind, label]) => (
          <label key={kind}>
            <input
              type="radio"
              name="source"
              checked={source === kind}
              onChange={() => dispatch({ type: 'source', source: kind })}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
      {source === 'prompt' && (
        <textarea
          aria-label="Prompt"
          rows={3}
          maxLength={8192}
          placeholder="a lighthouse on a cliff at sunset"
          value={state.prompt}
          aria-invalid={error !== undefined}
          onInput={(event) => dispatch({ type: 'prompt', text: event.currentTarget.value })}
        />
      )}
      {source === 'image' && (
        <PictureInput picture={state.picture} limit={limits.upload_bytes} dispatch={dispatch} />
      )}
      {source === 'image_url' && (
        <input
          type="url"
          aria-label="Address of a picture"
          placeholder="https://example.com/photo.jpg"
          value={state.imageUrl}
          aria-invalid={error !== undefined}
          onInput={(event) => dispatch({ type: 'imageUrl', text: event.currentTarget.value })}
        />
      )}
      {error !== undefined && (
        <p class="error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

function PictureInput({
  picture,
  limit,
  dispatch,
}: { picture: File | undefined; limit: number } & Pick<Props, 'dispatch'>) {
  const address = useObjectUrl(picture);
  return (
    <label class="drop">
      <input
        type="file"
        class="visually-hidden"
        aria-label="Picture to animate"
        accept="image/png,image/jpeg,image/webp,image/gif"
        onChange={(event) => dispatch({ type: 'picture', picture: event.currentTarget.files?.[0] })}
      />
      {picture && address !== undefined ? (
        <>
          <img src={address} alt="" />
          <span class="file-name">
            {picture.name} <small>{size(picture.size)}</small>
          </span>
        </>
      ) : (
        <span>
          Drop or paste a picture, or <u>choose one</u>
          <small>PNG, JPEG, WebP or GIF, up to {size(limit)}</small>
        </span>
      )}
    </label>
  );
}

function useObjectUrl(file: File | undefined): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (!file) return setAddress(undefined);
    const url = URL.createObjectURL(file);
    setAddress(url);
    return () => URL.revokeObjectURL(url);
  }, [file]);
  return address;
}

/** Takes pictures that are dropped on the page or pasted into it, wherever that happens. */
function useDropAndPaste(take: (picture: File) => void): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const pictureOf = (data: DataTransfer | null): File | undefined =>
      [...(data?.files ?? [])].find(({ type }) => type.startsWith('image/'));
    const drop = (event: DragEvent): void => {
      event.preventDefault(); // also without a picture: the browser would leave the page for the file
      document.documentElement.classList.remove('dropping');
      const picture = pictureOf(event.dataTransfer);
      if (picture) latest.current(picture);
    };
    const over = (event: DragEvent): void => {
      event.preventDefault();
      document.documentElement.classList.toggle('dropping', event.type === 'dragover');
    };
    const paste = (event: ClipboardEvent): void => {
      const picture = pictureOf(event.clipboardData);
      if (!picture) return;
      event.preventDefault();
      latest.current(picture);
    };
    const stop = new AbortController();
    const { signal } = stop;
    addEventListener('drop', drop, { signal });
    addEventListener('dragover', over, { signal });
    addEventListener('dragleave', over, { signal });
    addEventListener('paste', paste, { signal });
    return () => stop.abort();
  }, []);
}
