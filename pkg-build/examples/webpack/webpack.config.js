export default {
  mode: "production",
  entry: "./main.js",
  // The weights are larger than what webpack warns of.
  performance: { hints: false },
};
