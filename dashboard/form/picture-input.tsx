import { useEffect, useRef, useState } from 'preact/hooks';
import { size } from '../tasks/describe.js';
import { PICTURE_NAMES, PICTURE_TYPES, pictureFault } from './source.js';

interface Props {
  readonly picture: File | undefined;
  /** Bytes. */
  readonly limit: number;
  readonly onChange: (picture: File | undefined) => void;
  /** What ties the input to its error. */
  readonly attributes: Readonly<Record<string, string | boolean | undefined>>;
}

/** A file to choose, and the one that is chosen. */
export function PictureInput({ picture, limit, onChange, attributes }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const shown = picture && pictureFault(picture, limit) === undefined ? picture : undefined;
  const address = useObjectUrl(shown);
  return (
    <>
      <label class="drop">
        <input
          ref={input}
          type="file"
          class="visually-hidden"
          aria-label="Picture to animate"
          accept={PICTURE_TYPES.join()}
          {...attributes}
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? [];
            currentTarget.value = ''; // so that the same file can be chosen again once it is removed
            if (file) onChange(file);
          }}
        />
        {address === undefined ? (
          <span>
            Drop or paste a picture, or <u>choose one</u>
            <small>
              {PICTURE_NAMES}, up to {size(limit)}
            </small>
          </span>
        ) : (
          <img src={address} alt="" />
        )}
      </label>
      {picture && (
        <div class="chosen">
          <span>
            {picture.name} <small>{size(picture.size)}</small>
          </span>
          <button
            type="button"
            class="quiet"
            onClick={() => {
              onChange(undefined);
              input.current?.focus();
            }}
          >
            Remove
          </button>
        </div>
      )}
    </>
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
