import { MOODS } from './mood.js';
import type { Mood, MoodName } from './mood.js';
import { createRandom } from './random.js';

export type SceneKind = 'mountains' | 'sea' | 'city' | 'space' | 'forest' | 'desert' | 'snow';

/** What to draw, and in which light. */
export interface Theme {
  readonly kind: SceneKind;
  readonly mood: Mood;
  /** The words of the prompt, for details such as a lighthouse. */
  readonly words: ReadonlySet<string>;
}

/** Words that decide the scene; where several speak, the one with more words in the prompt wins, then the first. */
const KIND_WORDS: Readonly<Record<SceneKind, string>> = {
  space:
    'space galaxy nebula planet astronaut rocket cosmos cosmic alien asteroid orbit spaceship spacecraft saturn jupiter universe comet',
  city: 'city street skyline town tower skyscraper urban downtown cyberpunk robot car taxi train tokyo paris london york market cafe',
  sea: 'sea ocean beach wave boat ship lighthouse island lake harbour harbor water fish whale dolphin coast surf sail sailing pirate river shark turtle',
  snow: 'snow snowy winter ice icy arctic penguin glacier frozen ski polar blizzard frost christmas antarctica',
  desert: 'desert dune camel cactus sand sahara canyon mars oasis pyramid egypt savanna mesa',
  forest: 'forest tree wood jungle fox deer bear wolf owl pine rainforest mushroom fairy elf bird garden',
  mountains:
    'mountain hill valley alps castle dragon meadow field peak landscape horse village volcano cliff sheep farm',
};

const MOOD_WORDS: Readonly<Partial<Record<MoodName, string>>> = {
  aurora: 'aurora northern borealis',
  neon: 'neon cyberpunk synthwave vaporwave futuristic hologram',
  night: 'night midnight moon moonlight moonlit star starry dark nocturnal',
  sunset: 'sunset evening red crimson fire volcano lava',
  dawn: 'dawn sunrise morning pink',
  dusk: 'dusk twilight purple violet dream dreamy magic magical',
  golden: 'golden gold warm glow amber honey',
  storm: 'storm stormy rain rainy thunder grey gray gloomy cloudy dramatic',
  mist: 'mist misty fog foggy haze green moss',
  autumn: 'autumn fall october orange leaf leaves',
  snow: 'snow snowy winter ice frozen white',
  desert: 'desert dune sand sahara',
  day: 'day sunny summer blue noon spring bright',
};

/** The lights a scene looks best in when the prompt names none. */
const USUAL_MOODS: Readonly<Record<SceneKind, readonly MoodName[]>> = {
  mountains: ['dawn', 'golden', 'sunset', 'day', 'dusk', 'mist', 'autumn'],
  sea: ['sunset', 'day', 'dawn', 'golden', 'dusk'],
  city: ['dusk', 'night', 'sunset', 'neon', 'golden'],
  space: ['night', 'neon', 'aurora', 'dusk', 'sunset'],
  forest: ['mist', 'golden', 'autumn', 'dawn', 'night'],
  desert: ['desert', 'sunset', 'golden', 'dusk'],
  snow: ['snow', 'dusk', 'aurora', 'dawn'],
};

const wordsOf = (prompt: string): ReadonlySet<string> => {
  const words = prompt.toLowerCase().match(/\p{L}+/gu) ?? [];
  return new Set(words.flatMap((word) => [word, word.replace(/(?<=..)s$/, '')]));
};

/** The choice that most words of the prompt speak for; the first of equals. */
const mostNamed = <Name extends string>(
  table: Readonly<Partial<Record<Name, string>>>,
  words: ReadonlySet<string>,
): Name | undefined => {
  let best: Name | undefined;
  let most = 0;
  for (const [name, list] of Object.entries(table) as [Name, string][]) {
    const hits = list.split(' ').filter((word) => words.has(word)).length;
    if (hits > most) [best, most] = [name, hits];
  }
  return best;
};

/** Reads scene and light out of the prompt's words; what they leave open, the prompt's hash decides. */
export const chooseTheme = (prompt: string): Theme => {
  const random = createRandom(prompt);
  const words = wordsOf(prompt);
  const chance = random.pick(Object.keys(USUAL_MOODS) as SceneKind[]);
  const kind = mostNamed(KIND_WORDS, words) ?? chance;
  const mood = mostNamed(MOOD_WORDS, words) ?? random.pick(USUAL_MOODS[kind]);
  return { kind, mood: MOODS[mood], words };
};
