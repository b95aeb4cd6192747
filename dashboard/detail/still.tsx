import { useEffect, useRef } from 'preact/hooks';

/** The first frame of a moving picture, for those who prefer that nothing moves. */
export function Still({ src }: { readonly src: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const image = new Image();
    image.onload = () => {
      const element = canvas.current;
      if (!element) return;
      element.width = image.naturalWidth;
      element.height = image.naturalHeight;
      element.getContext('2d')?.drawImage(image, 0, 0);
    };
    image.src = src;
  }, [src]);
  return <canvas ref={canvas} />;
}
