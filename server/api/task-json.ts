import type { TaskView } from '../tasks/view.js';

/** Where a task and its files are, and what can be done with it; of files, null while there are none. */
export interface TaskUrls {
  readonly get: string;
  readonly events: string;
  readonly cancel: string;
  readonly rerun: string;
  readonly video: string | null;
  readonly thumbnail: string | null;
  readonly grid: string | null;
  readonly picture: string | null;
  readonly preview: string | null;
}

/** The wire form of a task in the tasks API. */
export interface TaskJson extends TaskView {
  readonly urls: TaskUrls;
}

export type ToTaskJson = (view: TaskView) => TaskJson;

/** `baseUrl`: the service's public address; without one the addresses are relative to wherever the client found it. */
export function createTaskJson(baseUrl: string | undefined): ToTaskJson {
  const at = (path: string): string => `${baseUrl ?? ''}${path}`;
  const file = (path: string | null): string | null => path && at(path);
  return (view) => {
    const self = at(`/tasks/${view.id}`);
    return {
      ...view,
      urls: {
        get: self,
        events: `${self}/events`,
        cancel: `${self}/cancel`,
        rerun: `${self}/rerun`,
        video: file(view.video_url),
        thumbnail: file(view.thumbnail_url),
        grid: file(view.grid_url),
        picture: file(view.picture_url),
        preview: file(view.preview_url),
      },
    };
  };
}
