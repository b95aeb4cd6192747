import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sandbox } from './sandbox.js';

const folder = 'node_modules/onnxruntime-node/bin/napi-v6/linux/x64';
const libraries = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];
let box: Sandbox;

beforeEach(() => {
  box = new Sandbox();
  box.take('scripts/install-cuda.sh');
  box.write('node_modules/onnxruntime-node/package.json', '{"version":"1.29.0"}');
  box.write(`${folder}/onnxruntime_binding.node`, 'the binding');
  // A package with the right names and the wrong contents
  box.stub(
    'npm',
    'echo "npm $*" >> "$LOG"',
    'into=$4; content=$into/made/package/Plugins/Linux/x64; mkdir -p "$content"',
    ...[...libraries, 'libonnxruntime.so'].map((name) => `echo "content of ${name}" > "$content/${name}"`),
    'tar -czf "$into/package.tgz" -C "$into/made" package; rm -r "$into/made"',
  );
});
afterEach(() => box.remove());

const install = () => box.run('scripts/install-cuda.sh');
const placed = () => readdirSync(join(box.project, folder)).sort();

test('a package with other contents than the known ones is refused and leaves nothing', () => {
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr).toContain('do not have the expected SHA-256');
  expect(placed()).toEqual(['onnxruntime_binding.node']);
  expect(readdirSync(join(box.project, 'node_modules'))).toEqual(['onnxruntime-node']);
});

test('the two libraries are laid beside the binding, and a second time nothing is downloaded', () => {
  // The stand-ins cannot have the real checksums: here a list holds if its files are there.
  box.stub('sha256sum', 'while read -r _ name; do [[ -f $name ]] || exit 1; done');
  expect(install().status).toBe(0);
  expect(box.logged()).toEqual([
    expect.stringMatching(/^npm pack --silent --pack-destination \S+ com\.github\.asus4\S+@0\.4\.9$/),
  ]);
  expect(placed()).toEqual([...libraries, 'onnxruntime_binding.node']);
  expect(readFileSync(join(box.project, folder, libraries[0]), 'utf8')).toBe(`content of ${libraries[0]}\n`);
  expect(readdirSync(join(box.project, 'node_modules'))).toEqual(['onnxruntime-node']);

  const again = install();
  expect(again.status).toBe(0);
  expect(again.stderr).toContain('is in place');
  expect(box.logged()).toEqual([]);
});

test('a failed download is an error', () => {
  box.stub('npm', 'echo "no such package" >&2; exit 1');
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr).toContain('no such package');
  expect(placed()).toEqual(['onnxruntime_binding.node']);
});

test.each([
  ['another version', '{"version":"1.30.0"}', 'found 1.30.0'],
  ['no', 'not json', 'found none'],
])('%s onnxruntime-node is refused, for provider and runtime must be equal', (_, manifest, message) => {
  box.write('node_modules/onnxruntime-node/package.json', manifest);
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr).toContain(message);
  expect(box.logged()).toEqual([]);
});
