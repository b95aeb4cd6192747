type Frames = AsyncIterable<Uint8Array>;

/** (1 − i/n)·a + (i/n)·b for each byte, rounded to the nearest, ties to even. */
export function blend(a: Uint8Array, b: Uint8Array, i: number, n: number): Uint8Array {
  const mixed = new Uint8ClampedArray(a.length); // its assignment rounds
  // One division of whole numbers: what is a tie in exact arithmetic is one here.
  for (let k = 0; k < mixed.length; k++) mixed[k] = ((n - i) * a[k] + i * b[k]) / n;
  return new Uint8Array(mixed.buffer);
}

/**
 * The scenes one after the other with a crossfade of `transition` frames inserted between neighbours, from the last frame
 * of the one to the first of the next. The first frame of a crossfade is the scene before it; the scene after it is
 * reached by its own first frame. A scene is asked for its frames only when its turn comes.
 */
export async function* joinScenes(
  scenes: Iterable<Frames>,
  transition: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let before: Uint8Array | undefined;
  for (const scene of scenes) {
    let fadeFrom = before;
    for await (const frame of scene) {
      if (fadeFrom) {
        for (let i = 0; i < transition; i++) yield i === 0 ? fadeFrom : blend(fadeFrom, frame, i, transition);
        fadeFrom = undefined;
      }
      yield frame;
      before = frame;
    }
  }
}

/** A picture that stands still. */
export async function* holdStill(
  picture: () => Promise<Uint8Array>,
  frames: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const still = await picture();
  for (let f = 0; f < frames; f++) yield still;
}

/**
 * Stretches or shortens `count` frames to `wanted`, evenly in time: the first and the last stay the first and the last,
 * and what falls between two frames is their blend.
 */
export async function* fitFrames(
  frames: Frames,
  count: number,
  wanted: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let next = 0; // the frame at this place of the result …
  const steps = Math.max(wanted - 1, 1);
  let index = 0;
  let before: Uint8Array | undefined;
  for await (const frame of frames) {
    // … lies at next · (count − 1) / steps among the given ones, so after `before` and not after `frame`.
    for (; next < wanted && next * (count - 1) <= index * steps; next++) {
      const past = next * (count - 1) - (index - 1) * steps;
      yield before && past < steps ? blend(before, frame, past, steps) : frame;
    }
    before = frame;
    index++;
  }
}
