/** What the fields are called for people; the wire name is shown beside. */
const LABELS: Readonly<Record<string, string>> = {
  W: 'Width',
  H: 'Height',
  T: 'Frames',
  fps: 'Frame rate',
  seed: 'Seed',
  steps: 'Steps',
  motion_bucket_id: 'Motion',
  num_cols: 'Variations',
  cond_aug: 'Noise on the picture',
  decoding_t: 'Frames decoded at once',
  decoding_overlap: 'Decoding overlap',
  image_index: 'Picture of the prompt',
  sampler: 'Sampler',
  discretization: 'Noise levels',
  guider: 'Guidance',
  s_churn: 'Churn',
  s_tmin: 'Churn from level',
  s_tmax: 'Churn up to level',
  s_noise: 'Noise strength',
  eta: 'Fresh noise',
  order: 'Slopes combined',
  sigma_min: 'Lowest noise level',
  sigma_max: 'Highest noise level',
  rho: 'Spacing of levels',
  linear_start: 'First beta',
  linear_end: 'Last beta',
  num_timesteps: 'Trained levels',
  cfg_scale: 'Guidance scale',
  max_cfg_scale: 'Highest guidance',
  min_guidance_scale: 'Lowest guidance',
  guidance_sigma_min: 'Guided from level',
  guidance_sigma_max: 'Guided up to level',
  period: 'Guidance period',
  edge_perc: 'Guidance ramps',
};

/** The fields that most clips are made with; all others are advanced. */
export const SIMPLE: readonly string[] = [
  'W',
  'H',
  'preset',
  'steps',
  'T',
  'fps',
  'motion_bucket_id',
  'num_cols',
  'seed',
];

export const labelOf = (name: string): string => {
  const words = LABELS[name] ?? name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};
