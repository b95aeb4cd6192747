import { useEffect, useRef, useState } from 'preact/hooks';
import { useReducedMotion } from '../shell/hooks.js';

export interface Playback {
  readonly playing: boolean;
  readonly looping: boolean;
  /** The frame shown, from 0. */
  readonly frame: number;
  readonly speed: number;
  readonly toggle: () => void;
  readonly setLooping: (looping: boolean) => void;
  readonly setSpeed: (speed: number) => void;
  /** Stops at a frame. */
  readonly seek: (frame: number) => void;
  /** The `ref` of the video at a place; the first one leads, the others follow it. */
  readonly attach: (place: number) => (video: HTMLVideoElement | null) => void;
}

/** Plays one or several videos as one, frame by frame if need be. The first one leads; a shorter one beside it goes round. */
export function usePlayback(frames: number, fps: number): Playback {
  const videos = useRef<(HTMLVideoElement | null)[]>([]);
  const [playing, setPlaying] = useState(!useReducedMotion());
  const [looping, setLooping] = useState(true);
  const [speed, setSpeed] = useState(1);
  const [frame, setFrame] = useState(0);
  const all = (): HTMLVideoElement[] => videos.current.filter((video) => video !== null);

  const apply = (video: HTMLVideoElement): void => {
    video.loop = looping;
    video.playbackRate = speed;
    if (playing) void video.play().catch(() => undefined);
    else video.pause();
  };
  useEffect(() => all().forEach(apply), [playing, looping, speed]);

  useEffect(() => {
    let request = 0;
    const look = (): void => {
      const [leader, ...others] = all();
      if (leader) {
        setFrame(Math.min(frames - 1, Math.floor(leader.currentTime * fps + 0.01)));
        if (leader.ended) setPlaying(false);
        for (const video of others) {
          const time = within(video, leader.currentTime);
          if (Math.abs(video.currentTime - time) > 1.5 / fps) video.currentTime = time;
        }
      }
      request = requestAnimationFrame(look);
    };
    look();
    return () => cancelAnimationFrame(request);
  }, [frames, fps]);

  const seek = (to: number): void => {
    setPlaying(false);
    const target = (to + frames) % frames;
    setFrame(target);
    // The middle of a frame: its very beginning may be rounded into the one before.
    for (const video of all()) video.currentTime = within(video, (target + 0.5) / fps);
  };
  return {
    playing,
    looping,
    frame,
    speed,
    toggle: () => setPlaying(!playing),
    setLooping,
    setSpeed,
    seek,
    attach: (place) => (video) => {
      videos.current[place] = video;
      if (video) apply(video); // its file may come long after the last change of these settings
    },
  };
}

/** A time in a video that begins again when it is over. */
const within = ({ duration }: HTMLVideoElement, time: number): number =>
  duration > 0 ? time % duration : time;
