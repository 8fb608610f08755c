// Written by `WHEELWORK_BLESS=1 cargo xtask kotlin` from the errors in Rust.
package dev.wheelwork

/**
 * What [WheelworkException.code] can be. The codes are the same in every language, and none is ever used for another error.
 * A later release may have more.
 */
public object ErrorCode {
    /** Somebody waits for the turn's next event already. A [WheelworkException.Retry]. */
    public const val BUSY: String = "busy"

    /** The vocabulary lacks one of the 256 bytes, and the text has it. A [WheelworkException.Unsupported]. */
    public const val BYTE_WITHOUT_TOKEN: String = "byte_without_token"

    /** The template failed on these messages; `detail` has words that stand in the template. A [WheelworkException.Retry]. */
    public const val CHAT_TEMPLATE_FAILED: String = "chat_template_failed"

    /** The template is no valid Jinja. A [WheelworkException.Reinstall]. */
    public const val CHAT_TEMPLATE_INVALID: String = "chat_template_invalid"

    /** The folder has no template and the tokenizer is not R1's, so ours does not fit. A [WheelworkException.Unsupported]. */
    public const val CHAT_TEMPLATE_MISSING: String = "chat_template_missing"

    /** The template is larger, nests deeper or runs for longer than any honest one. A [WheelworkException.Reinstall]. */
    public const val CHAT_TEMPLATE_OVER_LIMIT: String = "chat_template_over_limit"

    /** The template calls `raise_exception`; its words are kept unless they repeat text of a message. A [WheelworkException.Retry]. */
    public const val CHAT_TEMPLATE_REFUSED: String = "chat_template_refused"

    /** The template wrote more than fits into any context. A [WheelworkException.Reinstall]. */
    public const val CHAT_TEMPLATE_TOO_LONG: String = "chat_template_too_long"

    /** The template uses what transformers has and the runtime has not. A [WheelworkException.Unsupported]. */
    public const val CHAT_TEMPLATE_UNSUPPORTED: String = "chat_template_unsupported"

    /** A call with no tokens or with too many. A [WheelworkException.Bug]. */
    public const val CHUNK_SIZE: String = "chunk_size"

    /** The package's own weights were given up for their compact form. A [WheelworkException.Retry]. */
    public const val COMPACT_ONLY: String = "compact_only"

    /** A chunk is not what the index says. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_CHUNK: String = "container_chunk"

    /** Index or signature do not have their digest. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_DAMAGED: String = "container_damaged"

    /** A required feature that this build does not know. A [WheelworkException.Unsupported]. */
    public const val CONTAINER_FEATURES: String = "container_features"

    /** A file is not what the index says although its chunks are. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_FILE_DIGEST: String = "container_file_digest"

    /** The index breaks a rule. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_INDEX: String = "container_index"

    /** An index that is empty or too long. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_INDEX_SIZE: String = "container_index_size"

    /** The reserved field is set. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_RESERVED: String = "container_reserved"

    /** A signature that is too long. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_SIGNATURE_SIZE: String = "container_signature_size"

    /** A container could not be written. A [WheelworkException.Retry]. */
    public const val CONTAINER_SINK: String = "container_sink"

    /** The source could not be read. A [WheelworkException.Retry]. */
    public const val CONTAINER_SOURCE: String = "container_source"

    /** Bytes after the last chunk. A [WheelworkException.Reinstall]. */
    public const val CONTAINER_TRAILING: String = "container_trailing"

    /** The bytes end early. A [WheelworkException.Retry]. */
    public const val CONTAINER_TRUNCATED: String = "container_truncated"

    /** Another major version. A [WheelworkException.Unsupported]. */
    public const val CONTAINER_VERSION: String = "container_version"

    /** The sequence would get longer than the model's context. A [WheelworkException.Retry]. */
    public const val CONTEXT_FULL: String = "context_full"

    /** A context length outside the package's range. A [WheelworkException.Retry]. */
    public const val CONTEXT_OUT_OF_RANGE: String = "context_out_of_range"

    /** A prompt of no tokens. A [WheelworkException.Retry]. */
    public const val EMPTY_PROMPT: String = "empty_prompt"

    /** A code or zero point uses more bits than the card states. A [WheelworkException.Reinstall]. */
    public const val GRAPH_CODE_BITS: String = "graph_code_bits"

    /** A graph that an execution provider has compiled, in another form than one node and one file. A [WheelworkException.Reinstall]. */
    public const val GRAPH_COMPILED: String = "graph_compiled"

    /** The graph's inputs or outputs are not what the package says. A [WheelworkException.Reinstall]. */
    public const val GRAPH_CONTRACT: String = "graph_contract"

    /** Whole numbers are divided by what may be 0 or -1: some processors end the process for that. A [WheelworkException.Unsupported]. */
    public const val GRAPH_DIVISION: String = "graph_division"

    /** An attribute stands twice in a node: readers differ in which one they take. A [WheelworkException.Reinstall]. */
    public const val GRAPH_ENCODING: String = "graph_encoding"

    /** A file beside the graph is missing, too short, or not the package's. A [WheelworkException.Reinstall]. */
    public const val GRAPH_EXTERNAL_DATA: String = "graph_external_data"

    /** Two things have one name. A [WheelworkException.Reinstall]. */
    public const val GRAPH_NAMES: String = "graph_names"

    /** ONNX Runtime refused the graph. A [WheelworkException.Reinstall]. */
    public const val GRAPH_NOT_LOADABLE: String = "graph_not_loadable"

    /** An attribute that the operator does not have. A [WheelworkException.Unsupported]. */
    public const val GRAPH_OPERATOR: String = "graph_operator"

    /** The graph was loaded and other providers run it than it was loaded for. A [WheelworkException.Unsupported]. */
    public const val GRAPH_PLACEMENT: String = "graph_placement"

    /** A cache that no caller keeps. A [WheelworkException.Unsupported]. */
    public const val GRAPH_SHAPES: String = "graph_shapes"

    /** A tensor's bytes are not those of its shape. A [WheelworkException.Reinstall]. */
    public const val GRAPH_TENSOR: String = "graph_tensor"

    /** More memory or time than any decoder with so many weights needs. A [WheelworkException.Reinstall]. */
    public const val GRAPH_TOO_LARGE: String = "graph_too_large"

    /** A part of ONNX that decoders do not use: functions, subgraphs, sparse tensors, fields from the future. A [WheelworkException.Unsupported]. */
    public const val GRAPH_UNSUPPORTED: String = "graph_unsupported"

    /** An attribute of a quantised matrix is missing or out of range. A [WheelworkException.Reinstall]. */
    public const val GRAPH_WEIGHTS: String = "graph_weights"

    /** `super::Interrupt::interrupt` was called. A [WheelworkException.Retry]. */
    public const val INTERRUPTED: String = "interrupted"

    /** A secret key that others than its owner can read or write. A [WheelworkException.Retry]. */
    public const val KEY_EXPOSED: String = "key_exposed"

    /** A key file cannot be read or written. A [WheelworkException.Retry]. */
    public const val KEY_FILE: String = "key_file"

    /** Stored keys and values that are not those of so many tokens. A [WheelworkException.Unsupported]. */
    public const val KV_BYTES: String = "kv_bytes"

    /** A limit is exceeded. A [WheelworkException.Unsupported]. */
    public const val LIMIT_EXCEEDED: String = "limit_exceeded"

    /** A text holds a surrogate that stands alone. A [WheelworkException.Retry]. */
    public const val MALFORMED_TEXT: String = "malformed_text"

    /** A message without content that calls no tool, counted from 0. A [WheelworkException.Retry]. */
    public const val MESSAGE_WITHOUT_CONTENT: String = "message_without_content"

    /** The messages use all private-use characters of Unicode, which tell their text from the template's. A [WheelworkException.Retry]. */
    public const val MESSAGES_NOT_SEPARABLE: String = "messages_not_separable"

    /** The native library is missing, or of another release or architecture. A [WheelworkException.Unsupported]. */
    public const val NATIVE_LIBRARY: String = "native_library"

    /** A system without paths for descriptors. A [WheelworkException.Unsupported]. */
    public const val NO_DESCRIPTORS: String = "no_descriptors"

    /** An int8 key-value cache was asked for and the variant has no graph with one. A [WheelworkException.Unsupported]. */
    public const val NO_INT8_KV_CACHE: String = "no_int8_kv_cache"

    /** The system has no random numbers. A [WheelworkException.Unsupported]. */
    public const val NO_RANDOM_NUMBERS: String = "no_random_numbers"

    /** The package has no variant for what was asked. A [WheelworkException.Unsupported]. */
    public const val NO_SUCH_VARIANT: String = "no_such_variant"

    /** The system gave no thread. A [WheelworkException.Retry]. */
    public const val NO_THREAD: String = "no_thread"

    /** No device fits the request. A [WheelworkException.Unsupported]. */
    public const val NO_USABLE_DEVICE: String = "no_usable_device"

    /** Another magic number. A [WheelworkException.Retry]. */
    public const val NOT_A_CONTAINER: String = "not_a_container"

    /** Text that is no public key. A [WheelworkException.Retry]. */
    public const val NOT_A_KEY: String = "not_a_key"

    /** Neither `manifest.json` nor `genai_config.json` stands in the folder. A [WheelworkException.Retry]. */
    public const val NOT_A_PACKAGE: String = "not_a_package"

    /** The file is none of ours, or its first record is damaged. A [WheelworkException.Unsupported]. */
    public const val NOT_A_SESSION: String = "not_a_session"

    /** The model does not fit into what is free; see `crate::plan()`. A [WheelworkException.Retry]. */
    public const val NOT_ENOUGH_MEMORY: String = "not_enough_memory"

    /** What was asked for can only be measured on the CPU. A [WheelworkException.Unsupported]. */
    public const val NOT_ON_THIS_DEVICE: String = "not_on_this_device"

    /** There is no turn to go on with. A [WheelworkException.Bug]. */
    public const val NOTHING_TO_RESUME: String = "nothing_to_resume"

    /** The model's output can't be sampled from. A [WheelworkException.Retry]. */
    public const val NUMERICAL_FAILURE: String = "numerical_failure"

    /** The linked ONNX Runtime is too old, or answers as none does. A [WheelworkException.Unsupported]. */
    public const val ONNXRUNTIME_LINKED_UNFIT: String = "onnxruntime_linked_unfit"

    /** No candidate could be loaded. A [WheelworkException.Unsupported]. */
    public const val ONNXRUNTIME_NOT_LOADABLE: String = "onnxruntime_not_loadable"

    /** The library was loaded and refused to start. A [WheelworkException.Unsupported]. */
    public const val ONNXRUNTIME_NOT_STARTED: String = "onnxruntime_not_started"

    /** What is asked for needs a newer ONNX Runtime. A [WheelworkException.Unsupported]. */
    public const val ONNXRUNTIME_TOO_OLD: String = "onnxruntime_too_old"

    /** `crate::OpenOptions::cancel` ended it. A [WheelworkException.Retry]. */
    public const val OPEN_CANCELLED: String = "open_cancelled"

    /** The system gave no memory, for a larger cache or for ONNX Runtime's own work. A [WheelworkException.Retry]. */
    public const val OUT_OF_MEMORY: String = "out_of_memory"

    /** The vocabulary has no token that goes on as the form wants. A [WheelworkException.Retry]. */
    public const val OUTPUT_DEAD_END: String = "output_dead_end"

    /** The form has a fault, or says what can't be held. A [WheelworkException.Retry]. */
    public const val OUTPUT_INVALID: String = "output_invalid"

    /** llguidance panicked. A [WheelworkException.Bug]. */
    public const val OUTPUT_LIBRARY: String = "output_library"

    /** A token that the form does not allow, for instance in a turn from a file; counted from 0. A [WheelworkException.Retry]. */
    public const val OUTPUT_NOT_ALLOWED: String = "output_not_allowed"

    /** A schema whose text is not JSON; line and column count from 1. A [WheelworkException.Retry]. */
    public const val OUTPUT_NOT_JSON: String = "output_not_json"

    /** One token would have taken more work than is granted. A [WheelworkException.Retry]. */
    public const val OUTPUT_TOO_COMPLEX: String = "output_too_complex"

    /** Brackets within brackets. A [WheelworkException.Retry]. */
    public const val OUTPUT_TOO_DEEP: String = "output_too_deep"

    /** A form that is too long. A [WheelworkException.Retry]. */
    public const val OUTPUT_TOO_LARGE: String = "output_too_large"

    /** A grammar of too many rules and terminals. A [WheelworkException.Retry]. */
    public const val OUTPUT_TOO_MANY_DEFINITIONS: String = "output_too_many_definitions"

    /** The form would take more work to compile than is granted. A [WheelworkException.Retry]. */
    public const val OUTPUT_TOO_MUCH_TO_COMPILE: String = "output_too_much_to_compile"

    /** A vocabulary that no trie can be made of. A [WheelworkException.Unsupported]. */
    public const val OUTPUT_VOCABULARY: String = "output_vocabulary"

    /** The caller cancelled. A [WheelworkException.Retry]. */
    public const val PACK_CANCELLED: String = "pack_cancelled"

    /** A file that differs from what the card says. A [WheelworkException.Reinstall]. */
    public const val PACK_CARD: String = "pack_card"

    /** A file changed while it was being packed. A [WheelworkException.Retry]. */
    public const val PACK_CHANGED: String = "pack_changed"

    /** The weights of an installed model are there in another form only. A [WheelworkException.Retry]. */
    public const val PACK_COMPACT: String = "pack_compact"

    /** zstd failed, or did not give back what it was given. A [WheelworkException.Bug]. */
    public const val PACK_COMPRESS: String = "pack_compress"

    /** The head came out longer or shorter than the room that was left for it. A [WheelworkException.Bug]. */
    public const val PACK_HEAD_LENGTH: String = "pack_head_length"

    /** The file system refused. A [WheelworkException.Retry]. */
    public const val PACK_IO: String = "pack_io"

    /** A compression level that zstd does not have. A [WheelworkException.Retry]. */
    public const val PACK_LEVEL: String = "pack_level"

    /** A name that a container cannot hold. A [WheelworkException.Retry]. */
    public const val PACK_NAME: String = "pack_name"

    /** A link, a device, or a folder in a folder. A [WheelworkException.Retry]. */
    public const val PACK_NOT_A_FILE: String = "pack_not_a_file"

    /** A file of a variant that the card does not list. A [WheelworkException.Reinstall]. */
    public const val PACK_NOT_IN_CARD: String = "pack_not_in_card"

    /** The output would stand in the folder that is packed. A [WheelworkException.Retry]. */
    public const val PACK_OUTPUT_INSIDE: String = "pack_output_inside"

    /** A link, a folder or a device stands where the output goes. A [WheelworkException.Retry]. */
    public const val PACK_OUTPUT_NOT_A_FILE: String = "pack_output_not_a_file"

    /** A part of an installed file is not what was installed. A [WheelworkException.Reinstall]. */
    public const val PACKAGE_DAMAGED: String = "package_damaged"

    /** A file is larger than any honest one. A [WheelworkException.Reinstall]. */
    public const val PACKAGE_FILE_TOO_LARGE: String = "package_file_too_large"

    /** A file differs in content from what the card says. A [WheelworkException.Reinstall]. */
    public const val PACKAGE_HASH_MISMATCH: String = "package_hash_mismatch"

    /** A JSON file does not parse, or lacks a field. A [WheelworkException.Reinstall]. */
    public const val PACKAGE_INVALID: String = "package_invalid"

    /** The operating system refused. A [WheelworkException.Retry]. */
    public const val PACKAGE_IO: String = "package_io"

    /** A link, a folder, a pipe, a socket or a device. A [WheelworkException.Reinstall]. */
    public const val PACKAGE_NOT_A_FILE: String = "package_not_a_file"

    /** A variant's folder is a link, or none. A [WheelworkException.Reinstall]. */
    public const val PACKAGE_NOT_A_FOLDER: String = "package_not_a_folder"

    /** A file differs in size from what the card says. A [WheelworkException.Reinstall]. */
    public const val PACKAGE_SIZE_MISMATCH: String = "package_size_mismatch"

    /** The package was written by a newer Wheelwork with another format. A [WheelworkException.Unsupported]. */
    public const val PACKAGE_VERSION: String = "package_version"

    /** A step of the turn panicked. A [WheelworkException.Bug]. */
    public const val PANICKED: String = "panicked"

    /** The app said so, or let go of the pipe. A [WheelworkException.Retry]. */
    public const val PIPE_ABANDONED: String = "pipe_abandoned"

    /** Bytes after the end. A [WheelworkException.Bug]. */
    public const val PIPE_ENDED: String = "pipe_ended"

    /** Pushed bytes that begin behind what is wanted next. A [WheelworkException.Bug]. */
    public const val PIPE_GAP: String = "pipe_gap"

    /** A second installation, or a second push at once. A [WheelworkException.Bug]. */
    public const val PIPE_IN_USE: String = "pipe_in_use"

    /** Nobody reads: the installation is over, or never began. A [WheelworkException.Retry]. */
    public const val PIPE_NO_READER: String = "pipe_no_reader"

    /** The model was opened without room for it. A [WheelworkException.Bug]. */
    public const val PREFIX_CACHE_OFF: String = "prefix_cache_off"

    /** The messages do not begin every conversation that goes on from them. A [WheelworkException.Bug]. */
    public const val PREFIX_ENDS_WITH_USER: String = "prefix_ends_with_user"

    /** It would not fit even alone. A [WheelworkException.Unsupported]. */
    public const val PREFIX_TOO_LARGE: String = "prefix_too_large"

    /** ONNX Runtime wants one folder above all files that a graph names. A [WheelworkException.Unsupported]. */
    public const val PREPARE_APART: String = "prepare_apart"

    /** It could not be kept. A [WheelworkException.Retry]. */
    public const val PREPARE_BUSY: String = "prepare_busy"

    /** The caller cancelled. A [WheelworkException.Retry]. */
    public const val PREPARE_CANCELLED: String = "prepare_cancelled"

    /** The prepared form computes something else. A [WheelworkException.Bug]. */
    public const val PREPARE_DIFFERS: String = "prepare_differs"

    /** What ONNX Runtime saved cannot be read. A [WheelworkException.Unsupported]. */
    public const val PREPARE_GRAPH: String = "prepare_graph"

    /** It could not be kept. A [WheelworkException.Retry]. */
    public const val PREPARE_IO: String = "prepare_io"

    /** Neither installed nor with a folder to put the prepared form into. A [WheelworkException.Retry]. */
    public const val PREPARE_NO_PLACE: String = "prepare_no_place"

    /** It could not be kept. A [WheelworkException.Retry]. */
    public const val PREPARE_NO_SPACE: String = "prepare_no_space"

    /** Only an installed model has a compact form. A [WheelworkException.Retry]. */
    public const val PREPARE_NOT_INSTALLED: String = "prepare_not_installed"

    /** It could not be kept. A [WheelworkException.Retry]. */
    public const val PREPARE_NOT_OURS: String = "prepare_not_ours"

    /** ONNX Runtime packs nothing of this graph on this CPU. A [WheelworkException.Unsupported]. */
    public const val PREPARE_NOTHING: String = "prepare_nothing"

    /** ONNX Runtime cannot save what it packs. A [WheelworkException.Unsupported]. */
    public const val PREPARE_ONNXRUNTIME_TOO_OLD: String = "prepare_onnxruntime_too_old"

    /** ONNX Runtime could not save. A [WheelworkException.Retry]. */
    public const val PREPARE_SAVE: String = "prepare_save"

    /** The caller cancelled while the template ran. A [WheelworkException.Retry]. */
    public const val PROMPT_CANCELLED: String = "prompt_cancelled"

    /** The prompt leaves no room. A [WheelworkException.Retry]. */
    public const val PROMPT_TOO_LONG: String = "prompt_too_long"

    /** The file is not there. A [WheelworkException.Unsupported]. */
    public const val PROVIDER_LIBRARY_MISSING: String = "provider_library_missing"

    /** The system's loader, or ONNX Runtime, refuses it. A [WheelworkException.Unsupported]. */
    public const val PROVIDER_LIBRARY_NOT_LOADABLE: String = "provider_library_not_loadable"

    /** The file ends before its own header says. A [WheelworkException.Unsupported]. */
    public const val PROVIDER_LIBRARY_TRUNCATED: String = "provider_library_truncated"

    /** The file is for another CPU. A [WheelworkException.Unsupported]. */
    public const val PROVIDER_LIBRARY_WRONG_PROCESSOR: String = "provider_library_wrong_processor"

    /** The provider and ONNX Runtime do not take each other's version. A [WheelworkException.Unsupported]. */
    public const val PROVIDER_LIBRARY_WRONG_VERSION: String = "provider_library_wrong_version"

    /** An option of an execution provider. A [WheelworkException.Retry]. */
    public const val PROVIDER_OPTION: String = "provider_option"

    /** ONNX Runtime failed in the middle of a run. A [WheelworkException.Retry]. */
    public const val RUN_FAILED: String = "run_failed"

    /** An option that is not a number or outside its range. A [WheelworkException.Retry]. */
    public const val SAMPLING_OUT_OF_RANGE: String = "sampling_out_of_range"

    /** Damage that is no torn end. A [WheelworkException.Retry]. */
    public const val SESSION_DAMAGED: String = "session_damaged"

    /** The disk has failed the file before. A [WheelworkException.Retry]. */
    public const val SESSION_FILE_LOST: String = "session_file_lost"

    /** Another session, of this process or another, is kept in the file. A [WheelworkException.Retry]. */
    public const val SESSION_IN_USE: String = "session_in_use"

    /** The file system. A [WheelworkException.Retry]. */
    public const val SESSION_IO: String = "session_io"

    /** A session key of a wrong length. A [WheelworkException.Retry]. */
    public const val SESSION_KEY_LENGTH: String = "session_key_length"

    /** An encrypted file, and no key. A [WheelworkException.Retry]. */
    public const val SESSION_KEY_NEEDED: String = "session_key_needed"

    /** Something panicked in an earlier call on this conversation, so its state is not to be trusted. A [WheelworkException.Retry]. */
    public const val SESSION_LOST: String = "session_lost"

    /** The file system. A [WheelworkException.Retry]. */
    public const val SESSION_NOT_A_FILE: String = "session_not_a_file"

    /** A key, and a file that anybody could have written. A [WheelworkException.Retry]. */
    public const val SESSION_NOT_ENCRYPTED: String = "session_not_encrypted"

    /** The form of a version before. A [WheelworkException.Unsupported]. */
    public const val SESSION_OLD_FORM: String = "session_old_form"

    /** A session that was read from a damaged file, kept in that very file. A [WheelworkException.Retry]. */
    public const val SESSION_ONLY_COPY: String = "session_only_copy"

    /** A record whose digest is right says what cannot be. A [WheelworkException.Unsupported]. */
    public const val SESSION_RECORD: String = "session_record"

    /** The policy asks for a valid signature and there is none. A [WheelworkException.Retry]. */
    public const val SIGNATURE_REQUIRED: String = "signature_required"

    /** Pushed bytes where something is read more than once. A [WheelworkException.Bug]. */
    public const val SOURCE_IS_PUSHED: String = "source_is_pushed"

    /** Somebody else writes to the store. A [WheelworkException.Retry]. */
    public const val STORE_BUSY: String = "store_busy"

    /** The caller cancelled. A [WheelworkException.Retry]. */
    public const val STORE_CANCELLED: String = "store_cancelled"

    /** A newer version is installed. A [WheelworkException.Retry]. */
    public const val STORE_DOWNGRADE: String = "store_downgrade"

    /** The file system refused. A [WheelworkException.Retry]. */
    public const val STORE_IO: String = "store_io"

    /** Not a name that a model can have. A [WheelworkException.Retry]. */
    public const val STORE_NAME: String = "store_name"

    /** The disk is too small, or has become full. A [WheelworkException.Retry]. */
    public const val STORE_NO_SPACE: String = "store_no_space"

    /** The compact form of a variant is not to be had. A [WheelworkException.Unsupported]. */
    public const val STORE_NOT_COMPACTABLE: String = "store_not_compactable"

    /** No such model. A [WheelworkException.Retry]. */
    public const val STORE_NOT_INSTALLED: String = "store_not_installed"

    /** Something that the store did not make stands where it would write or remove. A [WheelworkException.Retry]. */
    public const val STORE_NOT_OURS: String = "store_not_ours"

    /** What is installed, or what its compact form gives back, is not what was installed. A [WheelworkException.Reinstall]. */
    public const val STORE_NOT_WHOLE: String = "store_not_whole"

    /** A repair was offered another package. A [WheelworkException.Retry]. */
    public const val STORE_OTHER_PACKAGE: String = "store_other_package"

    /** A trusted key signed what is installed, and none signed this. A [WheelworkException.Retry]. */
    public const val STORE_UNVOUCHED: String = "store_unvouched"

    /** A text longer than any context. A [WheelworkException.Retry]. */
    public const val TEXT_TOO_LONG: String = "text_too_long"

    /** The file breaks a rule. A [WheelworkException.Reinstall]. */
    public const val TOKENIZER_INVALID: String = "tokenizer_invalid"

    /** A pattern that can't be run in bounded time. A [WheelworkException.Unsupported]. */
    public const val TOKENIZER_PATTERN: String = "tokenizer_pattern"

    /** A step of the normalizer or pre-tokenizer is not what its type says, or a pattern is none. A [WheelworkException.Reinstall]. */
    public const val TOKENIZER_STEPS: String = "tokenizer_steps"

    /** The file breaks a rule. A [WheelworkException.Unsupported]. */
    public const val TOKENIZER_UNSUPPORTED: String = "tokenizer_unsupported"

    /** A prompt of more tokens than are counted. A [WheelworkException.Retry]. */
    public const val TOO_MANY_TOKENS: String = "too_many_tokens"

    /** Messages and tools of more parts than are copied into a template. A [WheelworkException.Retry]. */
    public const val TOO_MANY_VALUES: String = "too_many_values"

    /** A name that is empty, too long or has other characters than letters, digits, `_`, `-` and `.`; counted from 0. A [WheelworkException.Retry]. */
    public const val TOOL_NAME: String = "tool_name"

    /** Parameters that are not a schema of an object. A [WheelworkException.Retry]. */
    public const val TOOL_PARAMETERS: String = "tool_parameters"

    /** Two tools of one name. A [WheelworkException.Retry]. */
    public const val TOOL_TWICE: String = "tool_twice"

    /** A call is required, and there is nothing to call. A [WheelworkException.Retry]. */
    public const val TOOLS_NOTHING_TO_CALL: String = "tools_nothing_to_call"

    /** More than a prompt should hold. A [WheelworkException.Retry]. */
    public const val TOOLS_TOO_MANY: String = "tools_too_many"

    /** A call and another form are required at once. A [WheelworkException.Retry]. */
    public const val TOOLS_TWO_FORMS: String = "tools_two_forms"

    /** The folder of what was tried cannot be written. A [WheelworkException.Retry]. */
    public const val TRIALS_IO: String = "trials_io"

    /** A token id outside the vocabulary. A [WheelworkException.Retry]. */
    public const val UNKNOWN_TOKEN: String = "unknown_token"

    /** The caller cancelled. A [WheelworkException.Retry]. */
    public const val WORK_CANCELLED: String = "work_cancelled"

    /** An encrypted file, and the key of another. A [WheelworkException.Retry]. */
    public const val WRONG_SESSION_KEY: String = "wrong_session_key"
}
