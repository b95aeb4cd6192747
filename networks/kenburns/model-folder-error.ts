/** A folder that cannot take the model because it holds something else. Nothing in it was touched. */
export class ModelFolderError extends Error {
  readonly code = 'model_folder_occupied';

  constructor(folder: string, entry: string) {
    super(`Expected '${folder}' to be missing, empty or a kenburns model, but it holds '${entry}'`);
    this.name = 'ModelFolderError';
  }
}
