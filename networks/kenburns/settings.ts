/** A latent is the picture with each 2×2 block of pixels laid into channels: (row, column, colour), colour fastest. */
export const LATENT_CHANNELS = 12;
/** Sampler latents are this times the picture in [−1, 1]. */
export const LATENT_SCALE = 0.05;
/** The image embedding is the picture's mean colour. */
export const CONTEXT_CHANNELS = 3;
