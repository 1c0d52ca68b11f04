import "autochrome/element";

/** `<photo-colorizer>`, its events as callbacks. Anything else becomes a property or an attribute of it. */
export function PhotoColorizer({ onStart, onProgress, onDone, onError, ...rest }) {
  return (
    <photo-colorizer
      oncolorize-start={onStart}
      oncolorize-progress={onProgress}
      oncolorize-done={onDone}
      oncolorize-error={onError}
      {...rest}
    />
  );
}
