import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny';
import { findFfmpeg } from '../../pipeline/ffmpeg.js';

/** What a player would find in a video file. */
export async function videoFacts(bytes: Uint8Array) {
  const input = new Input({ formats: ALL_FORMATS, source: new BufferSource(bytes) });
  const track = await input.getPrimaryVideoTrack();
  if (!track) throw new Error('There is no video track');
  let frames = 0;
  for await (const packet of new EncodedPacketSink(track).packets()) frames += packet.byteLength > 0 ? 1 : 0;
  const stats = await track.computePacketStats();
  return {
    codec: track.codec,
    width: track.displayWidth,
    height: track.displayHeight,
    frames,
    fps: Math.round(stats.averagePacketRate * 100) / 100,
    audio: (await input.getPrimaryAudioTrack()) !== null,
  };
}

/** Every frame of a video file, decoded by ffmpeg: rgb24. */
export async function decodeVideo(path: string, width: number, height: number): Promise<Uint8Array[]> {
  const { path: ffmpeg } = await findFfmpeg();
  const { stdout } = await promisify(execFile)(
    ffmpeg,
    ['-v', 'error', '-i', path, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
    { encoding: 'buffer', maxBuffer: 2 ** 30 },
  );
  const size = width * height * 3;
  return Array.from({ length: stdout.length / size }, (_, i) => stdout.subarray(i * size, (i + 1) * size));
}

/** Mean absolute difference of two pictures, in levels of 255. */
export function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
  return sum / a.length;
}
