import type { Middleware } from 'koa';
import type { ModelManifest } from '../../pipeline/manifest.js';
import type { WorkerPool } from '../../pipeline/worker-pool.js';
import { deviceOf } from './health.js';

/** Addresses by the names that the clients of one API or another look for. */
const ENDPOINTS = {
  img2vid: '/img2vid',
  status: '/status',
  tasks: '/tasks',
  events: '/events',
  health: '/health',
  predictions: '/predictions',
  animate: '/gpu/animate',
  img2video: '/api/img2video',
  generate_image: '/generate',
  generate_video: '/generate-video',
  video_info: '/generate-video/info',
} as const;

/** GET /: what is here, in one body for the clients of every API. */
export const root =
  (manifest: ModelManifest, workers: WorkerPool): Middleware =>
  (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    ctx.body = {
      name: 'img2vid',
      message: 'Image-to-Video API',
      status: 'running',
      model: manifest.name,
      device: deviceOf(workers),
      docs: '/docs',
      docs_url: '/docs',
      openapi_url: '/openapi.json',
      healthcheck_url: '/health-check',
      predictions_url: '/predictions',
      predictions_idempotent_url: '/predictions/{prediction_id}',
      predictions_cancel_url: '/predictions/{prediction_id}/cancel',
      endpoints: ENDPOINTS,
    };
  };
