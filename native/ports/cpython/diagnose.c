/* Which operator the core refuses, for tools that explain a refusal to people. Devices need no more than the status. */
#include "model.h"
#include "verify.h"

static bool op_ok(const fml_model *model, uint16_t index) {
    fml_op op;
    return fml_model_op(model, index, &op) == FML_OK && fml_verify_op(model, &op) == FML_OK &&
           fml_verify_params(model, &op, NULL, 0) == FML_OK;
}

/* Index of the operator for which fml_model_open refuses a blob in memory; of a broken commit rule, the first operator
 * that overwrites what its interval had to read. -1: the blob is good, or refused for another reason. */
int32_t freeml_refused_op(const uint8_t *blob, uint32_t size) {
    const fml_source source = {blob, NULL, NULL, size};
    fml_model model;
    const int status = fml_model_open(&model, &source, NULL, NULL, 0);
    if (status != FML_ERROR_BAD_OP && status != FML_ERROR_BAD_PARAMS && status != FML_ERROR_COMMIT_RULE) {
        return -1;
    }
    const uint16_t count = model.op_count;
    for (uint16_t index = 0; index < count; index++) {
        model.op_count = (uint16_t)(index + 1);
        if (!op_ok(&model, index) || (status == FML_ERROR_COMMIT_RULE && fml_verify_commit_rule(&model) != FML_OK)) {
            return index;
        }
    }
    return -1; /* all operators are good, but none writes the output */
}
