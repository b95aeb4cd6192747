import { useEffect, useState } from 'preact/hooks';
import { request } from './client.js';

interface Kept {
  readonly address: Promise<string>;
  users: number;
}

/** Object URLs held for things not shown at the moment: scrolling back and forth fetches nothing anew. */
const KEPT_UNUSED = 80;

const kept = new Map<string, Kept>();

function take(path: string): Kept {
  const found = kept.get(path) ?? { address: load(path), users: 0 };
  kept.delete(path); // to the end of the order in which they are let go
  kept.set(path, found);
  found.users++;
  found.address.catch(() => kept.delete(path));
  return found;
}

async function load(path: string): Promise<string> {
  return URL.createObjectURL(await (await request(path)).blob());
}

function release(entry: Kept): void {
  entry.users--;
  const unused = [...kept].filter(([, { users }]) => users === 0);
  for (const [path, { address }] of unused.slice(0, Math.max(0, unused.length - KEPT_UNUSED))) {
    kept.delete(path);
    void address.then((url) => URL.revokeObjectURL(url));
  }
}

/**
 * The address under which the page can show a file of the service; undefined until it is there. Files are fetched, since
 * neither <img> nor <video> can send an access key. While the next file loads, the one before stays.
 */
export function useMedia(path: string | null | undefined): string | undefined {
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (!path) return setAddress(undefined);
    let current = true;
    const entry = take(path);
    entry.address.then(
      (url) => current && setAddress(url),
      () => current && setAddress(undefined),
    );
    return () => {
      current = false;
      // Not at once: what replaces it is not there yet.
      setTimeout(() => release(entry), 1000);
    };
  }, [path]);
  return address;
}

/** Saves a file of the service under a name. */
export async function saveFile(path: string, name: string): Promise<void> {
  const url = URL.createObjectURL(await (await request(path)).blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
