import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const BLOCK = 16;
const CIPHER = 'aes-128-ecb';

/**
 * Numbers as clients may hold them without reading them: how many changes lie between two places would tell of the tasks
 * of others. Each is one encrypted block, most of it zeros by which a forged or foreign one is known.
 */
export class SealedNumbers {
  /** A new one for each start, so that what an earlier process sealed is foreign. */
  readonly #key = randomBytes(BLOCK);

  seal(n: number): string {
    const block = Buffer.alloc(BLOCK);
    block.writeUIntBE(n, BLOCK - 6, 6);
    const cipher = createCipheriv(CIPHER, this.#key, null).setAutoPadding(false);
    return Buffer.concat([cipher.update(block), cipher.final()]).toString('hex');
  }

  /** The number behind the first characters of `text`; undefined where they were not sealed here. */
  open(text: string): number | undefined {
    const sealed = text.slice(0, 2 * BLOCK);
    if (!/^[0-9a-f]{32}$/.test(sealed)) return undefined;
    const decipher = createDecipheriv(CIPHER, this.#key, null).setAutoPadding(false);
    const block = Buffer.concat([decipher.update(sealed, 'hex'), decipher.final()]);
    return block.subarray(0, BLOCK - 6).some((byte) => byte !== 0)
      ? undefined
      : block.readUIntBE(BLOCK - 6, 6);
  }
}
