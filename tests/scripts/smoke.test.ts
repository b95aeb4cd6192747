import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ffmpegs } from '../pipeline/media-helpers.js';
import { Sandbox } from './sandbox.js';

const box = new Sandbox();
const pidFile = join(box.root, 'pid');
const video = join(box.root, 'clip.mp4');

/** A service of a few lines; `answers` are the bodies of GET /status?id=, the last one for ever. */
function service(answers: readonly object[], clip = video): string {
  return `
    const http = require('http'), fs = require('fs');
    fs.writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
    const answers = ${JSON.stringify(answers)};
    let uploaded = '';
    http.createServer((request, response) => {
      const json = (value) => response.end(JSON.stringify(value));
      console.log(request.method + ' ' + request.url);
      if (request.url === '/status') return json({ tasks: [] });
      if (request.url === '/img2vid') {
        request.setEncoding('latin1').on('data', (part) => (uploaded += part)).on('end', () => {
          if (!uploaded.includes('name="image"') || !uploaded.includes('JPEG DATA')) response.statusCode = 400;
          json({ id: 'abc', status: 'queued' });
        });
        return;
      }
      if (request.url === '/status?id=abc') return json(answers.length > 1 ? answers.shift() : answers[0]);
      if (request.url === '/download/video/abc') return response.end(fs.readFileSync(${JSON.stringify(clip)}));
      response.statusCode = 404;
      json({});
    }).listen(process.env.PORT, '127.0.0.1');`;
}

const smoke = (main: string, env: Record<string, string> = {}) => {
  box.write('dist/server/main.js', main);
  return box.run('scripts/smoke.sh', { SMOKE_SECONDS: '20', ...env });
};

beforeAll(() => {
  box.take('scripts/smoke.sh');
  box.write('dist/package.json', '{"type":"commonjs"}');
  box.write('tests/data/rocket.jpg', 'JPEG DATA');
  const [[, ffmpeg]] = ffmpegs;
  const source = ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=6', '-frames:v', '5'];
  execFileSync(ffmpeg, [...source, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', video]);
  execFileSync(ffmpeg, [...source, '-c:v', 'mpeg4', join(box.root, 'old.mp4')]);
  // Where ffmpeg is not installed as a package there is no ffprobe: a stand-in that answers as it would.
  if (!existsSync('/usr/bin/ffprobe')) {
    box.stub('ffprobe', 'grep -q avcC "${@: -1}" && codec=h264 || codec=mpeg4', 'printf "codec_name=%s\\npix_fmt=yuv420p\\nwidth=64\\nheight=64\\nnb_read_packets=5\\n" $codec'); // prettier-ignore
  }
});
beforeEach(() => box.write('dist/server/main.js', ''));
afterAll(() => box.remove());

const serviceGone = () =>
  expect(() => process.kill(Number(readFileSync(pidFile, 'utf8')), 0)).toThrow('ESRCH');

describe('smoke.sh', () => {
  test('passes when the clip is made and is H.264, and stops the service', () => {
    const result = smoke(service([{ status: 'queued' }, { status: 'processing' }, { status: 'completed' }]));
    expect(result).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('smoke: ok, a clip of 5 frames'),
    });
    serviceGone();
  });

  test.each([
    [
      'the task fails',
      [{ status: 'error', message: 'no model' }],
      video,
      /ended as 'error'.*no model[\s\S]*GET \/status\?id=abc/,
    ],
    ['the task disappears', [{}], video, /ended as ''/],
    [
      'the video is of another kind',
      [{ status: 'completed' }],
      join(box.root, 'old.mp4'),
      /not H\.264.*mpeg4/,
    ],
  ])('fails when %s, says so, shows the log and stops the service', (_, answers, clip, message) => {
    const { status, stderr } = smoke(service(answers, clip));
    expect(status).toBe(1);
    expect(stderr).toMatch(message);
    serviceGone();
  });

  test('fails when the service ends by itself, with its last words', () => {
    const { status, stderr } = smoke('console.error("the port is taken"); process.exit(1)');
    expect(status).toBe(1);
    expect(stderr).toMatch(/ended before it answered[\s\S]*the port is taken/);
  });

  test('fails in time when the clip is never ready, or nothing answers', () => {
    const started = performance.now();
    const stuck = smoke(service([{ status: 'processing', stage: 'sample' }]), { SMOKE_SECONDS: '2' });
    expect(stuck).toMatchObject({ status: 1, stderr: expect.stringMatching(/not ready in time.*sample/) });
    serviceGone();
    const silent = smoke('setInterval(() => {}, 1000)', { SMOKE_SECONDS: '1' });
    expect(silent).toMatchObject({ status: 1, stderr: expect.stringContaining('did not answer in time') });
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test('fails when there is nothing to start', () => {
    const { status, stderr } = box.run('scripts/smoke.sh', {}, ['no-such-picture.jpg']);
    expect(status).toBe(1);
    expect(stderr).toContain('there is no picture no-such-picture.jpg');
  });
});
