/** A latent is the picture with each 2×2 block of pixels laid into channels: (row, column, colour), colour fastest. */
export const LATENT_CHANNELS = 12;

/**
 * Sampler latents are this times the picture in [−1, 1]. It decides at which sigma the seed picks a move (about
 * LATENT_SCALE × the distance of two moves, 20 … 90 for a photograph at the recipe's size). Larger, and schedules that
 * begin at 14.6 find the choice made already, in favour of the clip nearest to mid-grey; smaller, and schedules that end early
 * (LegacyDDPM with few steps) stop before one move is left.
 */
export const LATENT_SCALE = 0.05;

/** The image embedding is the picture's mean colour. */
export const CONTEXT_CHANNELS = 3;
