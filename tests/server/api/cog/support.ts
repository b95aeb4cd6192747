import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Answer, TestService } from '../../support.js';

export const photo = readFileSync(fileURLToPath(new URL('../../../data/rocket.jpg', import.meta.url)));
export const image = `data:image/jpeg;base64,${photo.toString('base64')}`;

/** The documented request, byte for byte but for the picture. */
export const DOCUMENTED = `{"input":{"image":"${image}","width":576,"height":1024,"num_frames":25,"cache_interval":3,"cache_branch_id":3,
          "enable_deepcache":true,"decode_chunk_size":8,"num_inference_steps":50}}`;

/** One request with a body of text as it stands. */
export async function send(
  { url }: TestService,
  method: string,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
