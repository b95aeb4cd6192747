/** The colours of an hour and a weather. */
export interface Mood {
  /** From the zenith to the horizon. */
  readonly sky: readonly [high: string, middle: string, low: string];
  /** The disc of sun or moon, and the glow around it. */
  readonly light: string;
  readonly glow: string;
  /** What distance fades into, and what stands nearest. */
  readonly haze: string;
  readonly near: string;
  /** Stars, a moon, lit windows. */
  readonly night: boolean;
  readonly aurora?: boolean;
  /** Glowing signs. */
  readonly neon?: boolean;
}

const mood = (
  sky: Mood['sky'],
  [light, glow]: readonly [string, string],
  [haze, near]: readonly [string, string],
  night = false,
): Mood => ({ sky, light, glow, haze, near, night });

export const MOODS = {
  dawn: mood(['#33467c', '#d88fa0', '#ffd9ae'], ['#fff4d8', '#ffc48a'], ['#efb7a4', '#2c2743']),
  day: mood(['#2a73b8', '#7dbbe6', '#e2f0f2'], ['#fffbe6', '#ffffff'], ['#b9d6e2', '#173f3b']),
  golden: mood(['#4a6a97', '#e9b174', '#ffe7b0'], ['#fffbe3', '#ffd27a'], ['#eec28c', '#3b2a2b']),
  sunset: mood(['#2b1d55', '#c4476f', '#ffb765'], ['#fff0c2', '#ff9d5c'], ['#e07a6b', '#1c1130']),
  dusk: mood(['#161b43', '#62508f', '#e796a4'], ['#ffe9d2', '#f2a3a0'], ['#9a709b', '#13122b']),
  night: mood(['#050918', '#0f2044', '#2f4d7d'], ['#f4f1e2', '#8fb0e6'], ['#2c4a78', '#04070f'], true),
  aurora: {
    ...mood(['#040a1a', '#0a2136', '#1f5560'], ['#eef6ee', '#7fd6c2'], ['#1c4a58', '#03080e'], true),
    aurora: true,
  },
  storm: mood(['#28313b', '#5b6973', '#b3b7b0'], ['#eceade', '#c9cabf'], ['#8a949a', '#141b20']),
  snow: mood(['#6f97c2', '#bcd3e8', '#f4efee'], ['#fffdf4', '#fff3e0'], ['#c9d8e8', '#2c4463']),
  mist: mood(['#7f9d97', '#b9cbbd', '#eef0dc'], ['#fffdea', '#fff6cf'], ['#c3d1bf', '#14302b']),
  autumn: mood(['#557a94', '#e5bd8a', '#fbe3b5'], ['#fff6da', '#ffd591'], ['#dd9f63', '#43201a']),
  desert: mood(['#3f7fa8', '#e9c490', '#fde4b4'], ['#fffbe6', '#ffe1a0'], ['#eab884', '#6d3420']),
  neon: {
    ...mood(['#0c0424', '#48125f', '#ff4f8b'], ['#ffd0e8', '#ff5fa8'], ['#8a2a78', '#07040f'], true),
    neon: true,
  },
} as const satisfies Record<string, Mood>;

export type MoodName = keyof typeof MOODS;
