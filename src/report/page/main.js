// Starts the parts of the page; one that fails says so and leaves the others.

[['theme', startTheme], ['overview', startOverview], ['map', startMap], ['training', startTraining], ['depth', startDepth],
  ['spectra', startSpectra], ['classes', startClasses], ['compare', startPhase], ['values', startTable], ['metrics', startExplain]].forEach(([id, start]) => {
  try {
    start();
  } catch (error) {
    console.error(error);
    byId(id).append(element('p', {class: 'failures'}, `This part could not be shown: ${error.message}`));
  }
});
startPrint();
