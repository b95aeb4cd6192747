import { useEffect, useRef } from 'preact/hooks';
import { PICTURE_TYPES } from './source.js';

/** A picture where there is one, else whatever else there is: what is wrong with it will be said. */
function fileOf(data: DataTransfer | null): File | undefined {
  const files = [...(data?.files ?? [])];
  return files.find(({ type }) => PICTURE_TYPES.includes(type)) ?? files[0];
}

/** Takes files that are dropped on the page or pasted into it, wherever that happens. */
export function useDropAndPaste(take: (file: File) => void): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const drop = (event: DragEvent): void => {
      event.preventDefault(); // also without a file: the browser would leave the page for what is dropped
      document.documentElement.classList.remove('dropping');
      const file = fileOf(event.dataTransfer);
      if (file) latest.current(file);
    };
    const over = (event: DragEvent): void => {
      event.preventDefault();
      document.documentElement.classList.toggle('dropping', event.type === 'dragover');
    };
    const paste = (event: ClipboardEvent): void => {
      const file = fileOf(event.clipboardData);
      if (!file) return;
      event.preventDefault();
      latest.current(file);
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
