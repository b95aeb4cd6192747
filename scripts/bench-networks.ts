/**
 * Time and memory of one evaluation of a middle-sized random UNet: with every exact saving, beside the graph as
 * published, in the same run. Each form runs in a process of its own, turn by turn.
 *
 *   npm run bench:networks [-- ROUNDS]
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GraphWeights, plainLayers, portableLayers } from '../networks/layers/index.js';
import { elementCount, encodeModel, Graph, memoryNeed } from '../networks/onnx/index.js';
import type { MemoryNeed } from '../networks/onnx/index.js';
import { buildUnet, evaluationInputs, Network, plainBlocks, savingBlocks } from '../networks/svd/index.js';
import { WeightFile } from '../networks/weights/index.js';
import { InferenceSession, Tensor } from '../pipeline/onnx-runtime.js';
import { CHANNELS, CLIP, noise, RANDOM, UNET } from './network-benches/middle-sized-unet.js';

const FORMS = ['plain', 'savings'] as const;
type Form = (typeof FORMS)[number];
const DEFAULT_ROUNDS = 3;

/** Gives what an evaluation needs by the sizes of all that flows through the graph. */
async function writeGraph(folder: string, form: Form): Promise<MemoryNeed> {
  const g = new Graph('unet');
  const file = new WeightFile(`${form}.data`);
  const weights = new GraphWeights(g, { file, storage: 'float32', compute: 'float32' });
  const net = new Network(form === 'plain' ? plainLayers(weights) : portableLayers(weights), RANDOM);
  buildUnet(net, UNET, (clip, conditions, resBlocks) =>
    form === 'plain'
      ? plainBlocks(net, UNET, clip, conditions)
      : savingBlocks(net, UNET, clip, conditions, resBlocks, CLIP.frames),
  );
  await file.write(join(folder, file.fileName), () => undefined);
  await writeFile(join(folder, `${form}.onnx`), encodeModel(g, { producer: 'bench', version: '1' }));
  return memoryNeed(g, evaluationInputs(UNET, CLIP, CLIP.batch));
}

interface Reply {
  readonly milliseconds: number;
  /** Resident before the first evaluation. */
  readonly baseBytes: number;
  /** Largest resident size so far. */
  readonly peakBytes: number;
  /** Every thousandth number of the result. */
  readonly sample: readonly number[];
}

/** The child: loads one form, then evaluates it at each message. */
async function evaluateOnDemand(path: string): Promise<void> {
  const session = await InferenceSession.create(path, { enableMemPattern: false, logSeverityLevel: 3 });
  const feeds = Object.fromEntries(
    Object.entries(evaluationInputs(UNET, CLIP, CLIP.batch)).map(([name, dims], i) => [
      name,
      new Tensor('float32', noise(elementCount(dims), i + 1), dims),
    ]),
  );
  const baseBytes = process.memoryUsage.rss();
  process.on('message', () => {
    const start = performance.now();
    void session.run(feeds).then(({ out_sample: { data } }) => {
      const milliseconds = performance.now() - start;
      const sample = [...(data as Float32Array)].filter((_, i) => i % 1000 === 0);
      process.send?.({
        milliseconds,
        baseBytes,
        peakBytes: process.resourceUsage().maxRSS * 1024,
        sample,
      } satisfies Reply);
    });
  });
  process.send?.('ready');
}

async function ask(child: ChildProcess): Promise<Reply> {
  child.send('run');
  const [reply] = (await once(child, 'message')) as [Reply];
  return reply;
}

async function bench(rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-networks-'));
  const children: Partial<Record<Form, ChildProcess>> = {};
  const needs: Partial<Record<Form, MemoryNeed>> = {};
  try {
    const replies: Record<Form, Reply[]> = { plain: [], savings: [] };
    for (const form of FORMS) {
      needs[form] = await writeGraph(folder, form);
      const child = fork(fileURLToPath(import.meta.url), ['--form', join(folder, `${form}.onnx`)]);
      children[form] = child;
      await once(child, 'message');
    }
    for (let round = 0; round < rounds; round++) {
      for (const form of FORMS) {
        const child = children[form];
        if (child !== undefined) replies[form].push(await ask(child));
      }
    }
    report(replies, needs as Record<Form, MemoryNeed>);
  } finally {
    for (const child of Object.values(children)) child.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(
  { plain, savings }: Record<Form, readonly Reply[]>,
  needs: Readonly<Record<Form, MemoryNeed>>,
): void {
  const seconds = (replies: readonly Reply[]) =>
    replies.map((reply) => reply.milliseconds / 1000).sort((a, b) => a - b)[Math.floor(replies.length / 2)];
  const peak = (replies: readonly Reply[]) => Math.max(...replies.map((reply) => reply.peakBytes)) / 1e6;
  const largest = Math.max(...plain[0].sample.map(Math.abs));
  const deviation = Math.max(...plain[0].sample.map((x, i) => Math.abs(x - savings[0].sample[i]))) / largest;
  const { batch, frames, height, width } = CLIP;
  console.log(
    `UNet ${CHANNELS.join('/')}, input ${batch}×${frames}×${UNET.inChannels}×${height}×${width}, float32`,
  );
  console.log(`${cpus()[0].model}, ${availableParallelism()} cores; median of ${plain.length} evaluations`);
  for (const [form, replies] of Object.entries({ plain, savings })) {
    const working = needs[form as Form].working / 1e6;
    const ratio = (peak(replies) - replies[0].baseBytes / 1e6) / working;
    console.log(
      `${form.padEnd(8)} ${seconds(replies).toFixed(2)} s  ${peak(replies).toFixed(0)} MB at most; ` +
        `${ratio.toFixed(1)} times the ${working.toFixed(0)} MB that lie between its nodes at one time`,
    );
  }
  const speed = (seconds(plain) / seconds(savings)).toFixed(2);
  const memory = ((100 * peak(savings)) / peak(plain)).toFixed(0);
  console.log(
    `savings: ${speed} times as fast, ${memory} % of the memory, results differ by ${deviation.toExponential(1)}`,
  );
}

const [first, path] = process.argv.slice(2);
if (first === '--form') await evaluateOnDemand(path);
else await bench(Number(first ?? DEFAULT_ROUNDS));
