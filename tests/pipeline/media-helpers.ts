import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALL_FORMATS, FilePathSource, Input } from 'mediabunny';

/** Every ffmpeg of this machine that the service may meet, by a name for the test's title. */
export const ffmpegs: readonly (readonly [name: string, path: string])[] = [
  ['system', '/usr/bin/ffmpeg'] as const,
  ['packaged', join(process.cwd(), 'node_modules', '@ffmpeg-installer', 'linux-x64', 'ffmpeg')] as const,
].filter(([, path]) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'img2vid-media-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Writes an executable shell script and returns its path. */
export function script(folder: string, name: string, ...lines: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  return path;
}

/** What a player would learn of the file. */
export async function inspectVideo(path: string) {
  const input = new Input({ formats: ALL_FORMATS, source: new FilePathSource(path) });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (!track) throw new Error('no video track');
    const { packetCount, averagePacketRate } = await track.computePacketStats();
    const tracks = (await input.getTracks()).length;
    const size = [track.codedWidth, track.codedHeight];
    return { tracks, codec: track.codec, size, packets: packetCount, rate: averagePacketRate };
  } finally {
    input.dispose();
  }
}

/** Frame `index` of a video as a PNG file's bytes. */
export const framePng = (ffmpeg: string, video: string, index: number): Buffer =>
  execFileSync(
    ffmpeg,
    [
      '-v',
      'error',
      '-i',
      video,
      '-vf',
      `select=eq(n\\,${index})`,
      '-frames:v',
      '1',
      '-f',
      'image2pipe',
      '-c:v',
      'png',
      '-',
    ],
    { maxBuffer: 64 << 20 },
  );

/** The stored planes, Y then Cb then Cr, with nothing converted. */
export const framePlanes = (ffmpeg: string, video: string): Buffer =>
  execFileSync(ffmpeg, ['-v', 'error', '-i', video, '-frames:v', '1', '-f', 'rawvideo', '-'], {
    maxBuffer: 64 << 20,
  });

/** rgb24 picture from a function of the place. */
export function paint(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly [number, number, number],
): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rgb.set(colour(x, y), (y * width + x) * 3);
  return rgb;
}
