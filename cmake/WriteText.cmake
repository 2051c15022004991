# cmake -DPROGRAM=… -DTEXT=man|bash|zsh|fish -DFOLDER=… -P WriteText.cmake: what `collapscope generate TEXT` prints,
# under the name it is installed by, and a stamp.
set(name_man collapscope.1)
set(name_bash collapscope)
set(name_zsh _collapscope)
set(name_fish collapscope.fish)
file(MAKE_DIRECTORY ${FOLDER})
execute_process(COMMAND ${PROGRAM} generate ${TEXT} OUTPUT_FILE ${FOLDER}/${name_${TEXT}} COMMAND_ERROR_IS_FATAL ANY)
file(TOUCH ${FOLDER}/written)
