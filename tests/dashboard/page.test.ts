import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../scripts/chromium.js';
import { bearer, KEYS, startKeyedService } from '../server/access/keyed-service.js';
import { holdClips, startService, type HeldClips, type TestService } from '../server/support.js';
import { newTask } from '../server/tasks/support.js';
import { live, openPage, PHONE, until, type OpenPage } from './browser.js';
import { startPrefixProxy } from './prefix-proxy.js';

jest.setTimeout(90_000);

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

let clips: HeldClips;
let service: TestService;
let opened: OpenPage;
let page: Page;
beforeEach(async () => {
  clips = holdClips();
  service = await startService({ make: clips.make });
  opened = await openPage(browser, `${service.url}/dashboard`);
  ({ page } = opened);
  await live(page);
});
afterEach(async () => {
  await page.context().close();
  await service.close();
});

const prompt = () => page.getByRole('textbox', { name: 'Prompt' });
const submit = () => page.getByRole('button', { name: 'Make the clip' }).click();
const detail = () => page.getByRole('article', { name: 'Task' });
const rows = () => page.locator('.row');
const make = async (fields: Record<string, unknown> = {}): Promise<string> =>
  (await service.call('POST', '/tasks', { prompt: 'a fox', ...fields })).body.id as string;

describe('tasks', () => {
  test('what others ask for appears by itself, and its end too', async () => {
    const id = await make({ prompt: 'asked for elsewhere' });
    await page.getByText('asked for elsewhere').first().click();
    await detail().getByText('Sampling 1 of 4').first().waitFor();
    clips.release(id);
    await detail().getByText('Done', { exact: true }).waitFor();
  });

  test('a cancelled one ends at once and says so', async () => {
    await prompt().fill('a fox in the snow');
    await submit();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await detail().getByText('Cancelled', { exact: true }).waitFor();
    const [task] = (await service.call('GET', '/tasks')).body.tasks;
    expect(task).toMatchObject({ status: 'error', error: { code: 'cancelled' } });
  });

  test('a deleted one comes back by undo, and is gone for good without', async () => {
    const id = await make();
    await page.getByText('a fox').first().click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await until(async () => (await rows().count()) === 0);
    await page.getByRole('button', { name: 'Undo' }).click();
    await detail().waitFor();
    expect((await service.call('GET', `/tasks/${id}`)).status).toBe(200);

    await page.getByRole('button', { name: 'Delete' }).click();
    await page.reload(); // leaving the page does not undo it
    await until(async () => (await service.call('GET', `/tasks/${id}`)).status === 404);
  });

  test('the settings of one can be used for the next', async () => {
    await make({ prompt: 'a heron', steps: 12, sampler: 'HeunEDMSampler', s_churn: 3 });
    await page.getByText('a heron').first().click();
    await page.getByRole('button', { name: 'Use these settings' }).click();
    expect(await prompt().inputValue()).toBe('a heron');
    await submit();
    await until(async () => (await service.call('GET', '/tasks')).body.total === 2);
    const [second, first] = (await service.call('GET', '/tasks')).body.tasks;
    expect(second.params).toEqual(first.params);
  });

  test('one is copied as the command that makes it again', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await make({ prompt: "it's @home; $(x)", seed: 8 });
    await page.getByText("it's @home").first().click();
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await page.getByText('Copied the command').waitFor();
    const command = await page.evaluate('navigator.clipboard.readText()');
    expect(command).toContain(String.raw`--form-string 'prompt=it'\''s @home; $(x)'`);
    expect(command).toContain(`${service.url}/tasks`);
  });
});

test('hostile words are shown as words', async () => {
  const attack = '"><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
  await prompt().fill(attack);
  await submit();
  await detail().getByRole('heading', { name: attack }).waitFor();
  await page.getByRole('radio', { name: 'Picture' }).check();
  const name = '<img src=x onerror=window.hacked=1>.png';
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  try {
    await writeFile(join(folder, name), 'png');
    await page.getByLabel('Picture to animate').setInputFiles(join(folder, name));
    await page.getByText(name).waitFor();
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  expect(await page.evaluate('window.hacked')).toBeUndefined();
});

describe('two thousand tasks', () => {
  let full: TestService;
  beforeAll(async () => {
    full = await startService();
    for (let i = 1; i <= 2000; i++) {
      await full.table.create(newTask({ source: { type: 'prompt', prompt: `prompt number ${i}` } }));
    }
  });
  afterAll(() => full.close());
  beforeEach(async () => {
    await page.goto(`${full.url}/dashboard`);
    await live(page);
  });

  test('are all in the list, of which only what is seen exists', async () => {
    await page.getByText('2,000').waitFor();
    expect(await rows().count()).toBeLessThan(40);
    const list = page.locator('.rows');
    await until(async () => {
      await list.evaluate((box: { scrollTop: number; readonly scrollHeight: number }) => {
        box.scrollTop = box.scrollHeight;
      });
      return page.getByText('prompt number 1', { exact: true }).isVisible();
    });
    expect(await rows().count()).toBeLessThan(40);
    expect(await rows().last().getAttribute('aria-posinset')).toBe('2000');
  });

  test('a search looks through all of them, and a filter too', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('77 NUMBER');
    await until(async () => (await page.locator('.count').innerText()).startsWith('38'));
    await page.getByText('prompt number 1977', { exact: true }).waitFor();
    await page.getByRole('radio', { name: 'Failed' }).check();
    await page.getByText('No task matches.').waitFor();
  });

  test('the keyboard goes through them', async () => {
    await rows().first().getByRole('link').focus();
    for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowDown');
    await detail().getByRole('heading', { name: 'prompt number 1989', exact: true }).waitFor();
    await page.locator('.row [aria-current="true"]:focus').waitFor();
  });
});

describe('the way to the service', () => {
  test('may lead through a proxy under a path of its own', async () => {
    const proxy = await startPrefixProxy(service.port, '/pods/abc123');
    const behind = await openPage(browser, `${proxy.url}/pods/abc123/dashboard`);
    try {
      await live(behind.page);
      await behind.page.getByRole('textbox', { name: 'Prompt' }).fill('behind a proxy');
      await behind.page.getByRole('button', { name: 'Make the clip' }).click();
      await behind.page.getByRole('button', { name: 'Cancel' }).click();
      await behind.page.getByText('Cancelled', { exact: true }).first().waitFor();
      expect(proxy.strays).toEqual([]);
      expect(behind.complaints).toEqual([]);
    } finally {
      await behind.page.context().close();
      await proxy.close();
    }
  });

  test('without a stream of events the page polls', async () => {
    const silent = await openPage(browser, 'about:blank');
    await silent.page.clock.install();
    await silent.page.route('**/events', () => undefined); // taken, and never answered
    await silent.page.goto(`${service.url}/dashboard`);
    await until(async () => {
      await silent.page.clock.runFor(1000);
      return silent.page.getByText('Polling', { exact: true }).isVisible();
    });
    await make({ prompt: 'found by polling' });
    await until(async () => {
      await silent.page.clock.runFor(1000);
      return silent.page.getByText('found by polling').first().isVisible();
    });
    await silent.page.context().close();
  });

  test('an access key is asked for once, and opens what its holder may see', async () => {
    const keyed = await startKeyedService({ make: clips.make });
    const guarded = await openPage(browser, `${keyed.url}/dashboard`);
    try {
      await keyed.call('POST', '/tasks', { prompt: 'of alice' }, bearer('alice'));
      await keyed.call('POST', '/tasks', { prompt: 'of bob' }, bearer('bob'));
      const field = guarded.page.getByRole('textbox', { name: 'Access key' });
      await field.fill('a-wrong-key-of-16-letters');
      await guarded.page.keyboard.press('Enter');
      await guarded.page.getByText('The service does not take this key.').waitFor();
      await field.fill(KEYS.alice);
      await guarded.page.keyboard.press('Enter');
      await live(guarded.page);
      await guarded.page.getByText('of alice').first().waitFor();
      guarded.complaints.length = 0; // the refusals so far
      await guarded.page.reload();
      await live(guarded.page);
      await guarded.page.getByText('of alice').first().waitFor();
      expect(await guarded.page.getByText('of bob').count()).toBe(0);
      expect(guarded.complaints).toEqual([]);
    } finally {
      await guarded.page.context().close();
      await keyed.close();
    }
  });
});

test('a phone shows one thing at a time', async () => {
  await make({ prompt: 'a heron' });
  await page.setViewportSize(PHONE);
  await page.getByText('a heron').first().click();
  await detail().waitFor();
  expect(await rows().first().isVisible()).toBe(false);
  await page.getByRole('link', { name: 'Back to the list' }).click();
  await rows().first().waitFor();
  await page.getByRole('link', { name: 'New clip' }).click();
  await prompt().waitFor();
  const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
  expect(await page.evaluate(overflow)).toBe(0);
});
