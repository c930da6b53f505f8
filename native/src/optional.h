/* What a core can be built without. */
#ifndef FML_OPTIONAL_H
#define FML_OPTIONAL_H

/* -DFML_WITHOUT_ENCODINGS leaves the encodings of weights out: blobs that use one are refused with FML_ERROR_BAD_OP,
 * and the linker drops encoding.c, verify_encoding.c and the kernels behind fml_encoded_run (kernels.h). */
#if defined(FML_WITHOUT_ENCODINGS)
#define FML_ENCODINGS 0
#else
#define FML_ENCODINGS 1
#endif

/* -DFML_WITHOUT_EXITS leaves early exits out: a blob that has some runs to its last layer, and the linker drops exits.c
 * and verify_exits.c. */
#if defined(FML_WITHOUT_EXITS)
#define FML_EARLY_EXITS 0
#else
#define FML_EARLY_EXITS 1
#endif

/* -DFML_WITHOUT_BUS_NVM leaves out what nonvolatile memory behind a bus wants: fml_nvm.mapped has to be set. */
#if defined(FML_WITHOUT_BUS_NVM)
#define FML_BUS_NVM 0
#else
#define FML_BUS_NVM 1
#endif

#endif
