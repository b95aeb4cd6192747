/** A frame lasts a whole number of hundredths of a second, and one of less than two is shown by browsers for ten. */
const MIN_DELAY = 2;

/** The fastest that an animated GIF plays. */
export const MAX_GIF_FPS = 100 / MIN_DELAY;

/** How long each frame of a GIF is shown, in hundredths of a second: never slower than `fps` wants, but for its limit. */
export const gifDelay = (fps: number): number => Math.max(MIN_DELAY, Math.floor(100 / fps));

/**
 * ffmpeg's filters from a stream of frames to those of a GIF, each `delay` hundredths of a second after the one before.
 * Every frame has a palette of its own, so that no more than one has to be held in memory.
 */
export const gifFilters = (delay: number): string =>
  [
    `settb=1/100,setpts=N*${delay},split[frame][same]`,
    '[same]palettegen=stats_mode=single:reserve_transparent=0[palette]',
    '[frame][palette]paletteuse=new=1',
  ].join(';');
