import { useRef } from 'preact/hooks';
import type { Parameters } from '../api/wire.js';
import { go } from '../shell/route.js';
import { useDropAndPaste } from './drop-and-paste.js';
import type { FormAction, FormState, SourceKind } from './form-state.js';
import { PictureInput } from './picture-input.js';
import { pictureFault } from './source.js';

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
  const root = useRef<HTMLDivElement>(null);
  const setPicture = (picture: File | undefined): void => dispatch({ type: 'picture', picture });
  useDropAndPaste((file) => {
    setPicture(file);
    const hidden = root.current?.offsetParent === null; // where there is no room for the form beside an open task
    if (hidden) go({ view: 'new' });
  });
  const error = errorOf(state, limits, errors);
  const attributes = {
    'aria-invalid': error !== undefined,
    'aria-describedby': error === undefined ? undefined : 'source-error',
  };
  return (
    <div class="source" ref={root}>
      <div class="segments" role="radiogroup" aria-label="Where the picture comes from">
        {KINDS.map(([kind, label]) => (
          <label key={kind}>
            <input
              type="radio"
              name="source"
              checked={state.source === kind}
              onChange={() => dispatch({ type: 'source', source: kind })}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
      {state.source === 'prompt' && (
        <textarea
          aria-label="Prompt"
          rows={3}
          maxLength={8192}
          placeholder="a lighthouse on a cliff at sunset"
          value={state.prompt}
          {...attributes}
          onInput={(event) => dispatch({ type: 'prompt', text: event.currentTarget.value })}
        />
      )}
      {state.source === 'image' && (
        <PictureInput
          picture={state.picture}
          limit={limits.upload_bytes}
          attributes={attributes}
          onChange={setPicture}
        />
      )}
      {state.source === 'image_url' && (
        <input
          type="url"
          aria-label="Address of a picture"
          placeholder="https://example.com/photo.jpg"
          value={state.imageUrl}
          {...attributes}
          onInput={(event) => dispatch({ type: 'imageUrl', text: event.currentTarget.value })}
        />
      )}
      {error !== undefined && (
        <p class="error" id="source-error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

/** A file that cannot be used is told of at once; all else when it has been sent. */
function errorOf(
  { source, picture }: FormState,
  limits: Props['limits'],
  errors: Props['errors'],
): string | undefined {
  if (source !== 'image') return errors[source];
  const fault = picture && pictureFault(picture, limits.upload_bytes);
  return fault ?? IMAGE_FIELDS.map((name) => errors[name]).find((message) => message !== undefined);
}
