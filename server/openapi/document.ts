import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import type { ModelManifest } from '../../pipeline/manifest.js';
import { animatePaths } from '../api/animate/paths.js';
import { img2videoPaths } from '../api/img2video/paths.js';
import { cogPaths } from '../api/cog/paths.js';
import { storyPaths } from '../api/story/paths.js';
import { serviceVersion } from '../version.js';
import { img2vidPaths } from './img2vid-paths.js';
import { servicePaths } from './service-paths.js';
import { tasksPaths } from './tasks-paths.js';

export interface DocumentOptions {
  readonly manifest: ModelManifest;
  /** The service's public address; without one the document's own place is where it is. */
  readonly baseUrl: string | undefined;
}

const TAGS = [
  { name: 'img2vid', description: 'Ask for a clip and poll it; form data, JSON or urlencoded' },
  { name: 'tasks', description: 'The same tasks, with events, cancel, rerun and delete' },
  { name: 'animate', description: 'A picture in base64 goes in, a GIF comes out, in one call' },
  { name: 'img2video', description: 'A picture goes in, an id comes back, and with it the video' },
  { name: 'predictions', description: 'The API of a Cog container, as Replicate’s clients speak it too' },
  { name: 'story', description: 'Pictures of prompts, and videos of several scenes, each in one call' },
  { name: 'service', description: 'What there is to know of the service itself' },
];

const allPaths = (manifest: ModelManifest): readonly RouteConfig[] => [
  ...img2vidPaths(manifest),
  ...tasksPaths(manifest),
  ...animatePaths(manifest),
  ...img2videoPaths(manifest),
  ...cogPaths(manifest),
  ...storyPaths(manifest),
  ...servicePaths(manifest),
];

/** The OpenAPI 3.1 description of every endpoint, made from the schemas that check the requests. */
export function createDocument({ manifest, baseUrl }: DocumentOptions): object {
  const registry = new OpenAPIRegistry();
  for (const path of allPaths(manifest)) registry.registerPath(path);
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'img2vid',
      version: serviceVersion(),
      description: `Short videos from a prompt or a picture. The ranges and defaults are those of the loaded model, ${manifest.name}.`,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: baseUrl ?? '.' }],
    tags: TAGS,
  });
}
