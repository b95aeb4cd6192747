import sharp from 'sharp';

/**
 * sharp with every loader shut but those this service uses: the four picture formats a client may send, and SVG for the
 * pictures we compose ourselves. The switch is libvips' own and holds for the whole process, so a format that slips past
 * the signature check still finds no decoder.
 */
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadPngBuffer',
    'VipsForeignLoadPngFile',
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadJpegFile',
    'VipsForeignLoadWebpBuffer',
    'VipsForeignLoadWebpFile',
    'VipsForeignLoadNsgifBuffer',
    'VipsForeignLoadNsgifFile',
    'VipsForeignLoadSvgBuffer',
  ],
});

export { sharp };
