import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { cachedSvdXt } from '../pipeline/manifests.js';
import { holdClips, startService, type HeldClips, type TestService } from '../server/support.js';
import { live, openPage, until } from './browser.js';

jest.setTimeout(90_000);

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

let clips: HeldClips;
let service: TestService;
let page: Page;
beforeEach(async () => {
  clips = holdClips();
  service = await startService({ make: clips.make, env: { MAX_UPLOAD_MB: '1' } });
  await open(service);
});
afterEach(async () => {
  await page.context().close();
  await service.close();
});

const open = async ({ url }: TestService): Promise<void> => {
  ({ page } = await openPage(browser, `${url}/dashboard`));
  await live(page);
};
const prompt = () => page.getByRole('textbox', { name: 'Prompt' });
const field = (name: string) => page.locator(`#field-${name}`);
const submit = () => page.getByRole('button', { name: 'Make the clip' }).click();
const taskCount = async () => (await service.call('GET', '/tasks')).body.total as number;

describe('what a clip would cost', () => {
  /** Of the recipe's clip. */
  const cost = 512 * 288 * 25 * 7;
  const expectPace = () => service.runner.expectPace(20_000 / cost, cost);

  test('is told as soon as the service knows how long one takes', async () => {
    await page.getByText('The first clip shows how long one takes · 7 evaluations').waitFor();
    // A device has warmed up; nothing is entered meanwhile.
    expectPace();
    await page.getByText('about 20 s · 7 evaluations').waitFor();
  });

  test('has the waiting for those who came before, as long as they are there', async () => {
    expectPace();
    const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
    const waiting = page.getByText(/about 20 s · after \d+ s of waiting/);
    await waiting.waitFor();
    const first = await waiting.innerText();
    await until(async () => (await waiting.innerText()) !== first); // though no task comes or goes
    clips.release(id as string);
    await page.getByText(/about \d+ s · 7 evaluations/).waitFor();
  });

  test('is told again after an outage', async () => {
    await page.getByText('7 evaluations').waitFor();
    await page.route('**/estimate', (route) => route.abort());
    await field('steps').fill('9');
    await page.getByText('No estimate while the service is away').waitFor();
    await page.unroute('**/estimate');
    await page.getByText('9 evaluations').waitFor();
  });
});

describe('the fields', () => {
  test('show what a preset sets', async () => {
    await page.getByText('Advanced').click();
    await page.getByRole('img', { name: /^Noise level of each step: .* in 7 steps/ }).waitFor();
    await field('preset').selectOption('fast');
    await page.getByRole('img', { name: /^Noise level of each step: .* in 3 steps/ }).waitFor();
    expect(await field('steps').getAttribute('placeholder')).toBe('3');
    await page.getByText('3 evaluations').waitFor();
  });

  test('are those that the model has a use for', async () => {
    expect(await field('deepcache_interval').count()).toBe(0);
    expect(await field('deepcache_branch').count()).toBe(0);
    expect(await field('seed').getAttribute('placeholder')).toBe('drawn');
  });

  test('of a model that is guided and can be cached show what its preset makes of both', async () => {
    const svd = await startService({ manifest: cachedSvdXt() });
    try {
      await page.context().close();
      await open(svd);
      await page.getByText('Advanced').click();
      const guidance = page.locator('.plot', { hasText: 'Guidance of each frame' });
      expect(await guidance.locator('.scale').innerText()).toBe('1.5 – 3\n25 frames');
      const branches = field('deepcache_branch').locator('option');
      expect(await branches.allInnerTexts()).toEqual(['—', '0', '1', '3']);
      await field('preset').selectOption('fast');
      expect(await field('deepcache_interval').getAttribute('placeholder')).toBe('2');
      await page.getByText('AlignYourSteps (default)').waitFor({ state: 'attached' });
      expect(await field('rho').count()).toBe(0);
    } finally {
      await svd.close();
    }
  });
});

describe('errors', () => {
  test('stand at their field before anything is sent', async () => {
    await field('W').fill('100');
    await page.getByText(/Expected `W` to be .* multiple of 8/).waitFor();
    expect(await field('W').getAttribute('aria-invalid')).toBe('true');
    await field('W').fill('104');
    await page.getByText(/Expected `W`/).waitFor({ state: 'detached' });
  });

  test('of a submission too, and nothing is made', async () => {
    await page.getByRole('radio', { name: 'Address' }).check();
    await page.getByRole('textbox', { name: 'Address of a picture' }).fill('ftp://example.com/x.png');
    await submit();
    await page.getByText(/Expected `image_url`/).waitFor();
    await page.getByRole('radio', { name: 'Picture' }).check();
    await page.getByLabel('Picture to animate').setInputFiles({
      name: 'notes.png',
      mimeType: 'image/png',
      buffer: Buffer.from('no picture at all'),
    });
    await submit();
    await page.getByText('Invalid image file').waitFor();
    expect(await taskCount()).toBe(0);
  });

  test.each([
    ['Prompt', 'Prompt', 'Write a prompt'],
    ['Picture', 'Picture to animate', 'Choose a picture'],
    ['Address', 'Address of a picture', 'Give an address'],
  ])('name the missing source, tied to its input: %s', async (radio, label, message) => {
    await page.getByRole('radio', { name: radio }).check();
    await submit();
    await page.getByText(message, { exact: true }).waitFor();
    const input = page.locator('[aria-describedby="source-error"][aria-invalid="true"]:focus');
    await input.waitFor({ state: 'attached' });
    expect(await input.getAttribute('aria-label')).toBe(label);
    expect(await taskCount()).toBe(0);
  });

  test('of an advanced field open the part of the form where it is', async () => {
    await page.getByText('Advanced').click();
    await page.getByLabel('Sampler sampler').selectOption('LinearMultistepSampler');
    await page.getByLabel(/^Slopes combined/).fill('0');
    await page.getByText(/Expected `order`/).waitFor();
    await page.reload(); // with what was entered, and all of it closed
    await page.getByText(/Expected `order`/).waitFor();
    // Only what the chosen component takes is there.
    expect(await field('s_churn').count()).toBe(0);
  });

  test('leave it open when they are put right', async () => {
    await page.getByText('Advanced').click();
    await field('s_churn').fill('-');
    await page.getByText(/Expected `s_churn`/).waitFor();
    await page.keyboard.press('Backspace');
    await page.getByText(/Expected `s_churn`/).waitFor({ state: 'detached' });
    await page.locator('#field-s_churn:focus').waitFor();
  });
});

describe('sending', () => {
  test('makes one task of two presses', async () => {
    await prompt().fill('a fox');
    await page.evaluate(
      `{ const button = document.querySelector('button.primary'); button.click(); button.click(); }`,
    );
    await page.getByRole('article', { name: 'Task' }).waitFor();
    await page.getByRole('button', { name: 'Make the clip' }).waitFor();
    expect(await taskCount()).toBe(1);
  });

  test('is done with Ctrl+Enter from wherever one is', async () => {
    await prompt().fill('a fox');
    await page.getByRole('searchbox').focus();
    await page.keyboard.press('Control+Enter');
    await page.getByRole('article', { name: 'Task' }).waitFor();
    expect(await taskCount()).toBe(1);
  });
});
