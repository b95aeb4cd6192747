import { Writable } from 'node:stream';
import { pino } from 'pino';
import { createGuardedClient } from '../../../server/images/guarded-client.js';
import { localPictureWork } from '../../../server/images/local-picture-work.js';
import { createPictureObtainer } from '../../../server/images/obtain.js';
import { PICTURE_LIMITS } from '../../../server/images/picture.js';
import { createPictureProvider } from '../../../server/images/providers/create-provider.js';
import { createFakeInternet } from '../images/fake-internet.js';
import { ask, askRaw } from '../raw-request.js';
import { startService, type TestService } from '../support.js';
import type { JsonEndpoint, UploadEndpoint } from './endpoints.js';
import { multipart, type HostileFile } from './files.js';
import type { HostileRequest } from './requests.js';

export interface HostileService {
  readonly service: TestService;
  /** What was logged as an error: requests that failed for no reason that anybody foresaw. */
  readonly errors: string[];
  /** `address:port` of every connection that the service has tried to make. */
  readonly dialled: readonly string[];
  /** The id of a task that has ended. */
  readonly task: string;
  /** Each sends one request and gives the status of the answer, 0 where the connection was closed without one. */
  readonly upload: (endpoint: UploadEndpoint, file: HostileFile) => Promise<number>;
  readonly send: (request: HostileRequest) => Promise<number>;
  readonly sendText: (endpoint: JsonEndpoint, text: string) => Promise<number>;
}

/** A service with the real way of pictures, on an internet where nothing is. */
export async function startHostileService(): Promise<HostileService> {
  const errors: string[] = [];
  const into = new Writable({
    write: (line, _, done) => {
      errors.push(String(line).slice(0, 500));
      done();
    },
  });
  const internet = createFakeInternet();
  internet.name('192.168.1.250.nip.io', ['192.168.1.250']);
  const client = createGuardedClient({ resolve: internet.resolve, connect: internet.connect });
  const service = await startService({
    log: pino({ level: 'error' }, into),
    env: { RATE_LIMIT_PER_MINUTE: '0', BODY_IDLE_SECONDS: '0.3' },
    pictures: createPictureObtainer({
      provider: createPictureProvider(
        { name: 'embedded' },
        { limits: PICTURE_LIMITS, work: localPictureWork },
      ),
      download: (url, { signal }) => client.download(url, { signal, field: 'image_url' }),
      limits: PICTURE_LIMITS,
      work: localPictureWork,
    }),
  });
  const { port } = service;
  const { id } = (await service.call('POST', '/tasks', { prompt: 'a fox' })).body;
  await service.ended(String(id));
  return {
    service,
    errors,
    dialled: internet.dialled,
    task: String(id),
    upload: async ({ path, field }, file) => {
      const type = 'multipart/form-data; boundary=hostile';
      return (await ask(port, 'POST', path, { 'content-type': type }, multipart(field, file))).status;
    },
    send: async ({ bytes }) => {
      const said = await askRaw(port, bytes, /\r\n\r\n[^]*[}\n]$/);
      return Number(/^HTTP\/1\.1 (\d+) /.exec(said)?.[1] ?? 0);
    },
    sendText: async ({ method, path, withPicture }, text) => {
      const body = JSON.stringify(withPicture?.(text));
      return (await ask(port, method, path, { 'content-type': 'application/json' }, body)).status;
    },
  };
}
