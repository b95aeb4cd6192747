/** A model folder that exists already. Nothing in it was touched. */
export class FolderOccupiedError extends Error {
  readonly code = 'model_folder_occupied';

  constructor(folder: string) {
    super(`Expected '${folder}' to be missing or empty; it holds something (ask for it to be replaced)`);
    this.name = 'FolderOccupiedError';
  }
}
