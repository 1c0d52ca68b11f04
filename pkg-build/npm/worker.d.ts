/** The worker exports nothing: in a worker it answers `autochrome`, elsewhere it does nothing. */
export {};
