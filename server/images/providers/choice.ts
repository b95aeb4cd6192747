/** How many pictures a Midjourney-style provider makes of a prompt. */
export const CHOICES = 4;

/** The picture of four that a seed stands for, 1 to 4, where the request does not choose: the same for the same seed. */
export const choiceOfSeed = (seed: number): number => 1 + (((seed % CHOICES) + CHOICES) % CHOICES);
