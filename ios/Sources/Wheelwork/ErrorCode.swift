// Written by `WHEELWORK_BLESS=1 cargo xtask swift` from the errors in Rust.

/// What ``WheelworkError/code`` can be. The codes are the same in every language, and none is ever used for another error.
extension WheelworkError.Code {
    /// Somebody waits for the turn's next event already. A ``WheelworkError/Kind/retry``.
    public static let busy = Self(rawValue: "busy")

    /// The vocabulary lacks one of the 256 bytes, and the text has it. A ``WheelworkError/Kind/unsupported``.
    public static let byteWithoutToken = Self(rawValue: "byte_without_token")

    /// The template failed on these messages; `detail` has words that stand in the template. A ``WheelworkError/Kind/retry``.
    public static let chatTemplateFailed = Self(rawValue: "chat_template_failed")

    /// The template is no valid Jinja. A ``WheelworkError/Kind/reinstall``.
    public static let chatTemplateInvalid = Self(rawValue: "chat_template_invalid")

    /// The folder has no template and the tokenizer is not R1's, so ours does not fit. A ``WheelworkError/Kind/unsupported``.
    public static let chatTemplateMissing = Self(rawValue: "chat_template_missing")

    /// The template is larger, nests deeper or runs for longer than any honest one. A ``WheelworkError/Kind/reinstall``.
    public static let chatTemplateOverLimit = Self(rawValue: "chat_template_over_limit")

    /// The template calls `raise_exception`; its words are kept unless they repeat text of a message. A ``WheelworkError/Kind/retry``.
    public static let chatTemplateRefused = Self(rawValue: "chat_template_refused")

    /// The template wrote more than fits into any context. A ``WheelworkError/Kind/reinstall``.
    public static let chatTemplateTooLong = Self(rawValue: "chat_template_too_long")

    /// The template uses what transformers has and the runtime has not. A ``WheelworkError/Kind/unsupported``.
    public static let chatTemplateUnsupported = Self(rawValue: "chat_template_unsupported")

    /// A call with no tokens or with too many. A ``WheelworkError/Kind/bug``.
    public static let chunkSize = Self(rawValue: "chunk_size")

    /// The engine was shut down. A ``WheelworkError/Kind/retry``.
    public static let closed = Self(rawValue: "closed")

    /// The package's own weights were given up for their compact form. A ``WheelworkError/Kind/retry``.
    public static let compactOnly = Self(rawValue: "compact_only")

    /// The connection to the server failed. A ``WheelworkError/Kind/retry``.
    public static let connection = Self(rawValue: "connection")

    /// A chunk is not what the index says. A ``WheelworkError/Kind/reinstall``.
    public static let containerChunk = Self(rawValue: "container_chunk")

    /// Index or signature do not have their digest. A ``WheelworkError/Kind/reinstall``.
    public static let containerDamaged = Self(rawValue: "container_damaged")

    /// A required feature that this build does not know. A ``WheelworkError/Kind/unsupported``.
    public static let containerFeatures = Self(rawValue: "container_features")

    /// A file is not what the index says although its chunks are. A ``WheelworkError/Kind/reinstall``.
    public static let containerFileDigest = Self(rawValue: "container_file_digest")

    /// The index breaks a rule. A ``WheelworkError/Kind/reinstall``.
    public static let containerIndex = Self(rawValue: "container_index")

    /// An index that is empty or too long. A ``WheelworkError/Kind/reinstall``.
    public static let containerIndexSize = Self(rawValue: "container_index_size")

    /// The reserved field is set. A ``WheelworkError/Kind/reinstall``.
    public static let containerReserved = Self(rawValue: "container_reserved")

    /// A signature that is too long. A ``WheelworkError/Kind/reinstall``.
    public static let containerSignatureSize = Self(rawValue: "container_signature_size")

    /// A container could not be written. A ``WheelworkError/Kind/retry``.
    public static let containerSink = Self(rawValue: "container_sink")

    /// The source could not be read. A ``WheelworkError/Kind/retry``.
    public static let containerSource = Self(rawValue: "container_source")

    /// Bytes after the last chunk. A ``WheelworkError/Kind/reinstall``.
    public static let containerTrailing = Self(rawValue: "container_trailing")

    /// The bytes end early. A ``WheelworkError/Kind/retry``.
    public static let containerTruncated = Self(rawValue: "container_truncated")

    /// Another major version. A ``WheelworkError/Kind/unsupported``.
    public static let containerVersion = Self(rawValue: "container_version")

    /// The sequence would get longer than the model's context. A ``WheelworkError/Kind/retry``.
    public static let contextFull = Self(rawValue: "context_full")

    /// A context length outside the package's range. A ``WheelworkError/Kind/retry``.
    public static let contextOutOfRange = Self(rawValue: "context_out_of_range")

    /// A download could not be written. A ``WheelworkError/Kind/retry``.
    public static let downloadFile = Self(rawValue: "download_file")

    /// A prompt of no tokens. A ``WheelworkError/Kind/retry``.
    public static let emptyPrompt = Self(rawValue: "empty_prompt")

    /// A folder could not be made, protected or kept out of backups. A ``WheelworkError/Kind/retry``.
    public static let folderAttributes = Self(rawValue: "folder_attributes")

    /// A code or zero point uses more bits than the card states. A ``WheelworkError/Kind/reinstall``.
    public static let graphCodeBits = Self(rawValue: "graph_code_bits")

    /// A graph that an execution provider has compiled, in another form than one node and one file. A ``WheelworkError/Kind/reinstall``.
    public static let graphCompiled = Self(rawValue: "graph_compiled")

    /// The graph's inputs or outputs are not what the package says. A ``WheelworkError/Kind/reinstall``.
    public static let graphContract = Self(rawValue: "graph_contract")

    /// Whole numbers are divided by what may be 0 or -1: some processors end the process for that. A ``WheelworkError/Kind/unsupported``.
    public static let graphDivision = Self(rawValue: "graph_division")

    /// An attribute stands twice in a node: readers differ in which one they take. A ``WheelworkError/Kind/reinstall``.
    public static let graphEncoding = Self(rawValue: "graph_encoding")

    /// A file beside the graph is missing, too short, or not the package's. A ``WheelworkError/Kind/reinstall``.
    public static let graphExternalData = Self(rawValue: "graph_external_data")

    /// Two things have one name. A ``WheelworkError/Kind/reinstall``.
    public static let graphNames = Self(rawValue: "graph_names")

    /// ONNX Runtime refused the graph. A ``WheelworkError/Kind/reinstall``.
    public static let graphNotLoadable = Self(rawValue: "graph_not_loadable")

    /// An attribute that the operator does not have. A ``WheelworkError/Kind/unsupported``.
    public static let graphOperator = Self(rawValue: "graph_operator")

    /// The graph was loaded and other providers run it than it was loaded for. A ``WheelworkError/Kind/unsupported``.
    public static let graphPlacement = Self(rawValue: "graph_placement")

    /// A cache that no caller keeps. A ``WheelworkError/Kind/unsupported``.
    public static let graphShapes = Self(rawValue: "graph_shapes")

    /// A tensor's bytes are not those of its shape. A ``WheelworkError/Kind/reinstall``.
    public static let graphTensor = Self(rawValue: "graph_tensor")

    /// More memory or time than any decoder with so many weights needs. A ``WheelworkError/Kind/reinstall``.
    public static let graphTooLarge = Self(rawValue: "graph_too_large")

    /// A part of ONNX that decoders do not use: functions, subgraphs, sparse tensors, fields from the future. A ``WheelworkError/Kind/unsupported``.
    public static let graphUnsupported = Self(rawValue: "graph_unsupported")

    /// An attribute of a quantised matrix is missing or out of range. A ``WheelworkError/Kind/reinstall``.
    public static let graphWeights = Self(rawValue: "graph_weights")

    /// The app is in the background, where no turn may begin. A ``WheelworkError/Kind/retry``.
    public static let inBackground = Self(rawValue: "in_background")

    /// `super::Interrupt::interrupt` was called. A ``WheelworkError/Kind/retry``.
    public static let interrupted = Self(rawValue: "interrupted")

    /// A secret key that others than its owner can read or write. A ``WheelworkError/Kind/retry``.
    public static let keyExposed = Self(rawValue: "key_exposed")

    /// A key file cannot be read or written. A ``WheelworkError/Kind/retry``.
    public static let keyFile = Self(rawValue: "key_file")

    /// The keychain has a session key of another length. A ``WheelworkError/Kind/reinstall``.
    public static let keychainDamaged = Self(rawValue: "keychain_damaged")

    /// The keychain answers with another status than success. A ``WheelworkError/Kind/retry``.
    public static let keychainFailed = Self(rawValue: "keychain_failed")

    /// The keychain cannot be read before the device was unlocked after its start. A ``WheelworkError/Kind/retry``.
    public static let keychainLocked = Self(rawValue: "keychain_locked")

    /// The app's entitlements do not allow the keychain's access group. A ``WheelworkError/Kind/unsupported``.
    public static let keychainRefused = Self(rawValue: "keychain_refused")

    /// Stored keys and values that are not those of so many tokens. A ``WheelworkError/Kind/unsupported``.
    public static let kvBytes = Self(rawValue: "kv_bytes")

    /// A limit is exceeded. A ``WheelworkError/Kind/unsupported``.
    public static let limitExceeded = Self(rawValue: "limit_exceeded")

    /// A message without content that calls no tool, counted from 0. A ``WheelworkError/Kind/retry``.
    public static let messageWithoutContent = Self(rawValue: "message_without_content")

    /// The messages use all private-use characters of Unicode, which tell their text from the template's. A ``WheelworkError/Kind/retry``.
    public static let messagesNotSeparable = Self(rawValue: "messages_not_separable")

    /// A system without paths for descriptors. A ``WheelworkError/Kind/unsupported``.
    public static let noDescriptors = Self(rawValue: "no_descriptors")

    /// An int8 key-value cache was asked for and the variant has no graph with one. A ``WheelworkError/Kind/unsupported``.
    public static let noInt8KvCache = Self(rawValue: "no_int8_kv_cache")

    /// The system has no random numbers. A ``WheelworkError/Kind/unsupported``.
    public static let noRandomNumbers = Self(rawValue: "no_random_numbers")

    /// The package has no variant for what was asked. A ``WheelworkError/Kind/unsupported``.
    public static let noSuchVariant = Self(rawValue: "no_such_variant")

    /// The system gave no thread. A ``WheelworkError/Kind/retry``.
    public static let noThread = Self(rawValue: "no_thread")

    /// No device fits the request. A ``WheelworkError/Kind/unsupported``.
    public static let noUsableDevice = Self(rawValue: "no_usable_device")

    /// Another magic number. A ``WheelworkError/Kind/retry``.
    public static let notAContainer = Self(rawValue: "not_a_container")

    /// Text that is no public key. A ``WheelworkError/Kind/retry``.
    public static let notAKey = Self(rawValue: "not_a_key")

    /// Neither `manifest.json` nor `genai_config.json` stands in the folder. A ``WheelworkError/Kind/retry``.
    public static let notAPackage = Self(rawValue: "not_a_package")

    /// The file is none of ours, or its first record is damaged. A ``WheelworkError/Kind/unsupported``.
    public static let notASession = Self(rawValue: "not_a_session")

    /// The model does not fit into what is free; see `crate::plan()`. A ``WheelworkError/Kind/retry``.
    public static let notEnoughMemory = Self(rawValue: "not_enough_memory")

    /// The address of a download is none of `https`. A ``WheelworkError/Kind/retry``.
    public static let notHttps = Self(rawValue: "not_https")

    /// What was asked for can only be measured on the CPU. A ``WheelworkError/Kind/unsupported``.
    public static let notOnThisDevice = Self(rawValue: "not_on_this_device")

    /// There is no turn to go on with. A ``WheelworkError/Kind/bug``.
    public static let nothingToResume = Self(rawValue: "nothing_to_resume")

    /// The model's output can't be sampled from. A ``WheelworkError/Kind/retry``.
    public static let numericalFailure = Self(rawValue: "numerical_failure")

    /// The linked ONNX Runtime is too old, or answers as none does. A ``WheelworkError/Kind/unsupported``.
    public static let onnxruntimeLinkedUnfit = Self(rawValue: "onnxruntime_linked_unfit")

    /// No candidate could be loaded. A ``WheelworkError/Kind/unsupported``.
    public static let onnxruntimeNotLoadable = Self(rawValue: "onnxruntime_not_loadable")

    /// The library was loaded and refused to start. A ``WheelworkError/Kind/unsupported``.
    public static let onnxruntimeNotStarted = Self(rawValue: "onnxruntime_not_started")

    /// What is asked for needs a newer ONNX Runtime. A ``WheelworkError/Kind/unsupported``.
    public static let onnxruntimeTooOld = Self(rawValue: "onnxruntime_too_old")

    /// `crate::OpenOptions::cancel` ended it. A ``WheelworkError/Kind/retry``.
    public static let openCancelled = Self(rawValue: "open_cancelled")

    /// The system gave no memory, for a larger cache or for ONNX Runtime's own work. A ``WheelworkError/Kind/retry``.
    public static let outOfMemory = Self(rawValue: "out_of_memory")

    /// A number means nothing there. A ``WheelworkError/Kind/retry``.
    public static let outOfRange = Self(rawValue: "out_of_range")

    /// The vocabulary has no token that goes on as the form wants. A ``WheelworkError/Kind/retry``.
    public static let outputDeadEnd = Self(rawValue: "output_dead_end")

    /// The form has a fault, or says what can't be held. A ``WheelworkError/Kind/retry``.
    public static let outputInvalid = Self(rawValue: "output_invalid")

    /// llguidance panicked. A ``WheelworkError/Kind/bug``.
    public static let outputLibrary = Self(rawValue: "output_library")

    /// A token that the form does not allow, for instance in a turn from a file; counted from 0. A ``WheelworkError/Kind/retry``.
    public static let outputNotAllowed = Self(rawValue: "output_not_allowed")

    /// A schema whose text is not JSON; line and column count from 1. A ``WheelworkError/Kind/retry``.
    public static let outputNotJson = Self(rawValue: "output_not_json")

    /// One token would have taken more work than is granted. A ``WheelworkError/Kind/retry``.
    public static let outputTooComplex = Self(rawValue: "output_too_complex")

    /// Brackets within brackets. A ``WheelworkError/Kind/retry``.
    public static let outputTooDeep = Self(rawValue: "output_too_deep")

    /// A form that is too long. A ``WheelworkError/Kind/retry``.
    public static let outputTooLarge = Self(rawValue: "output_too_large")

    /// A grammar of too many rules and terminals. A ``WheelworkError/Kind/retry``.
    public static let outputTooManyDefinitions = Self(rawValue: "output_too_many_definitions")

    /// The form would take more work to compile than is granted. A ``WheelworkError/Kind/retry``.
    public static let outputTooMuchToCompile = Self(rawValue: "output_too_much_to_compile")

    /// A vocabulary that no trie can be made of. A ``WheelworkError/Kind/unsupported``.
    public static let outputVocabulary = Self(rawValue: "output_vocabulary")

    /// The caller cancelled. A ``WheelworkError/Kind/retry``.
    public static let packCancelled = Self(rawValue: "pack_cancelled")

    /// A file that differs from what the card says. A ``WheelworkError/Kind/reinstall``.
    public static let packCard = Self(rawValue: "pack_card")

    /// A file changed while it was being packed. A ``WheelworkError/Kind/retry``.
    public static let packChanged = Self(rawValue: "pack_changed")

    /// The weights of an installed model are there in another form only. A ``WheelworkError/Kind/retry``.
    public static let packCompact = Self(rawValue: "pack_compact")

    /// zstd failed, or did not give back what it was given. A ``WheelworkError/Kind/bug``.
    public static let packCompress = Self(rawValue: "pack_compress")

    /// The head came out longer or shorter than the room that was left for it. A ``WheelworkError/Kind/bug``.
    public static let packHeadLength = Self(rawValue: "pack_head_length")

    /// The file system refused. A ``WheelworkError/Kind/retry``.
    public static let packIo = Self(rawValue: "pack_io")

    /// A compression level that zstd does not have. A ``WheelworkError/Kind/retry``.
    public static let packLevel = Self(rawValue: "pack_level")

    /// A name that a container cannot hold. A ``WheelworkError/Kind/retry``.
    public static let packName = Self(rawValue: "pack_name")

    /// A link, a device, or a folder in a folder. A ``WheelworkError/Kind/retry``.
    public static let packNotAFile = Self(rawValue: "pack_not_a_file")

    /// A file of a variant that the card does not list. A ``WheelworkError/Kind/reinstall``.
    public static let packNotInCard = Self(rawValue: "pack_not_in_card")

    /// The output would stand in the folder that is packed. A ``WheelworkError/Kind/retry``.
    public static let packOutputInside = Self(rawValue: "pack_output_inside")

    /// A link, a folder or a device stands where the output goes. A ``WheelworkError/Kind/retry``.
    public static let packOutputNotAFile = Self(rawValue: "pack_output_not_a_file")

    /// A part of an installed file is not what was installed. A ``WheelworkError/Kind/reinstall``.
    public static let packageDamaged = Self(rawValue: "package_damaged")

    /// A file is larger than any honest one. A ``WheelworkError/Kind/reinstall``.
    public static let packageFileTooLarge = Self(rawValue: "package_file_too_large")

    /// A file differs in content from what the card says. A ``WheelworkError/Kind/reinstall``.
    public static let packageHashMismatch = Self(rawValue: "package_hash_mismatch")

    /// A JSON file does not parse, or lacks a field. A ``WheelworkError/Kind/reinstall``.
    public static let packageInvalid = Self(rawValue: "package_invalid")

    /// The operating system refused. A ``WheelworkError/Kind/retry``.
    public static let packageIo = Self(rawValue: "package_io")

    /// A link, a folder, a pipe, a socket or a device. A ``WheelworkError/Kind/reinstall``.
    public static let packageNotAFile = Self(rawValue: "package_not_a_file")

    /// A variant's folder is a link, or none. A ``WheelworkError/Kind/reinstall``.
    public static let packageNotAFolder = Self(rawValue: "package_not_a_folder")

    /// A file differs in size from what the card says. A ``WheelworkError/Kind/reinstall``.
    public static let packageSizeMismatch = Self(rawValue: "package_size_mismatch")

    /// The package was written by a newer Wheelwork with another format. A ``WheelworkError/Kind/unsupported``.
    public static let packageVersion = Self(rawValue: "package_version")

    /// A step of the turn panicked. A ``WheelworkError/Kind/bug``.
    public static let panicked = Self(rawValue: "panicked")

    /// The app said so, or let go of the pipe. A ``WheelworkError/Kind/retry``.
    public static let pipeAbandoned = Self(rawValue: "pipe_abandoned")

    /// Bytes after the end. A ``WheelworkError/Kind/bug``.
    public static let pipeEnded = Self(rawValue: "pipe_ended")

    /// Pushed bytes that begin behind what is wanted next. A ``WheelworkError/Kind/bug``.
    public static let pipeGap = Self(rawValue: "pipe_gap")

    /// A second installation, or a second push at once. A ``WheelworkError/Kind/bug``.
    public static let pipeInUse = Self(rawValue: "pipe_in_use")

    /// Nobody reads: the installation is over, or never began. A ``WheelworkError/Kind/retry``.
    public static let pipeNoReader = Self(rawValue: "pipe_no_reader")

    /// The model was opened without room for it. A ``WheelworkError/Kind/bug``.
    public static let prefixCacheOff = Self(rawValue: "prefix_cache_off")

    /// The messages do not begin every conversation that goes on from them. A ``WheelworkError/Kind/bug``.
    public static let prefixEndsWithUser = Self(rawValue: "prefix_ends_with_user")

    /// It would not fit even alone. A ``WheelworkError/Kind/unsupported``.
    public static let prefixTooLarge = Self(rawValue: "prefix_too_large")

    /// ONNX Runtime wants one folder above all files that a graph names. A ``WheelworkError/Kind/unsupported``.
    public static let prepareApart = Self(rawValue: "prepare_apart")

    /// It could not be kept. A ``WheelworkError/Kind/retry``.
    public static let prepareBusy = Self(rawValue: "prepare_busy")

    /// The caller cancelled. A ``WheelworkError/Kind/retry``.
    public static let prepareCancelled = Self(rawValue: "prepare_cancelled")

    /// The prepared form computes something else. A ``WheelworkError/Kind/bug``.
    public static let prepareDiffers = Self(rawValue: "prepare_differs")

    /// What ONNX Runtime saved cannot be read. A ``WheelworkError/Kind/unsupported``.
    public static let prepareGraph = Self(rawValue: "prepare_graph")

    /// It could not be kept. A ``WheelworkError/Kind/retry``.
    public static let prepareIo = Self(rawValue: "prepare_io")

    /// Neither installed nor with a folder to put the prepared form into. A ``WheelworkError/Kind/retry``.
    public static let prepareNoPlace = Self(rawValue: "prepare_no_place")

    /// It could not be kept. A ``WheelworkError/Kind/retry``.
    public static let prepareNoSpace = Self(rawValue: "prepare_no_space")

    /// Only an installed model has a compact form. A ``WheelworkError/Kind/retry``.
    public static let prepareNotInstalled = Self(rawValue: "prepare_not_installed")

    /// It could not be kept. A ``WheelworkError/Kind/retry``.
    public static let prepareNotOurs = Self(rawValue: "prepare_not_ours")

    /// ONNX Runtime packs nothing of this graph on this CPU. A ``WheelworkError/Kind/unsupported``.
    public static let prepareNothing = Self(rawValue: "prepare_nothing")

    /// ONNX Runtime cannot save what it packs. A ``WheelworkError/Kind/unsupported``.
    public static let prepareOnnxruntimeTooOld = Self(rawValue: "prepare_onnxruntime_too_old")

    /// ONNX Runtime could not save. A ``WheelworkError/Kind/retry``.
    public static let prepareSave = Self(rawValue: "prepare_save")

    /// The caller cancelled while the template ran. A ``WheelworkError/Kind/retry``.
    public static let promptCancelled = Self(rawValue: "prompt_cancelled")

    /// The prompt leaves no room. A ``WheelworkError/Kind/retry``.
    public static let promptTooLong = Self(rawValue: "prompt_too_long")

    /// The file is not there. A ``WheelworkError/Kind/unsupported``.
    public static let providerLibraryMissing = Self(rawValue: "provider_library_missing")

    /// The system's loader, or ONNX Runtime, refuses it. A ``WheelworkError/Kind/unsupported``.
    public static let providerLibraryNotLoadable = Self(rawValue: "provider_library_not_loadable")

    /// The file ends before its own header says. A ``WheelworkError/Kind/unsupported``.
    public static let providerLibraryTruncated = Self(rawValue: "provider_library_truncated")

    /// The file is for another CPU. A ``WheelworkError/Kind/unsupported``.
    public static let providerLibraryWrongProcessor = Self(rawValue: "provider_library_wrong_processor")

    /// The provider and ONNX Runtime do not take each other's version. A ``WheelworkError/Kind/unsupported``.
    public static let providerLibraryWrongVersion = Self(rawValue: "provider_library_wrong_version")

    /// An option of an execution provider. A ``WheelworkError/Kind/retry``.
    public static let providerOption = Self(rawValue: "provider_option")

    /// The server gives another answer than the file. A ``WheelworkError/Kind/retry``.
    public static let refusedByServer = Self(rawValue: "refused_by_server")

    /// ONNX Runtime failed in the middle of a run. A ``WheelworkError/Kind/retry``.
    public static let runFailed = Self(rawValue: "run_failed")

    /// An option that is not a number or outside its range. A ``WheelworkError/Kind/retry``.
    public static let samplingOutOfRange = Self(rawValue: "sampling_out_of_range")

    /// Damage that is no torn end. A ``WheelworkError/Kind/retry``.
    public static let sessionDamaged = Self(rawValue: "session_damaged")

    /// The disk has failed the file before. A ``WheelworkError/Kind/retry``.
    public static let sessionFileLost = Self(rawValue: "session_file_lost")

    /// Another session, of this process or another, is kept in the file. A ``WheelworkError/Kind/retry``.
    public static let sessionInUse = Self(rawValue: "session_in_use")

    /// The file system. A ``WheelworkError/Kind/retry``.
    public static let sessionIo = Self(rawValue: "session_io")

    /// A session key of a wrong length. A ``WheelworkError/Kind/retry``.
    public static let sessionKeyLength = Self(rawValue: "session_key_length")

    /// An encrypted file, and no key. A ``WheelworkError/Kind/retry``.
    public static let sessionKeyNeeded = Self(rawValue: "session_key_needed")

    /// Something panicked in an earlier call on this conversation, so its state is not to be trusted. A ``WheelworkError/Kind/retry``.
    public static let sessionLost = Self(rawValue: "session_lost")

    /// The file system. A ``WheelworkError/Kind/retry``.
    public static let sessionNotAFile = Self(rawValue: "session_not_a_file")

    /// A key, and a file that anybody could have written. A ``WheelworkError/Kind/retry``.
    public static let sessionNotEncrypted = Self(rawValue: "session_not_encrypted")

    /// The form of a version before. A ``WheelworkError/Kind/unsupported``.
    public static let sessionOldForm = Self(rawValue: "session_old_form")

    /// A session that was read from a damaged file, kept in that very file. A ``WheelworkError/Kind/retry``.
    public static let sessionOnlyCopy = Self(rawValue: "session_only_copy")

    /// A record whose digest is right says what cannot be. A ``WheelworkError/Kind/unsupported``.
    public static let sessionRecord = Self(rawValue: "session_record")

    /// The policy asks for a valid signature and there is none. A ``WheelworkError/Kind/retry``.
    public static let signatureRequired = Self(rawValue: "signature_required")

    /// Pushed bytes where something is read more than once. A ``WheelworkError/Kind/bug``.
    public static let sourceIsPushed = Self(rawValue: "source_is_pushed")

    /// Somebody else writes to the store. A ``WheelworkError/Kind/retry``.
    public static let storeBusy = Self(rawValue: "store_busy")

    /// The caller cancelled. A ``WheelworkError/Kind/retry``.
    public static let storeCancelled = Self(rawValue: "store_cancelled")

    /// A newer version is installed. A ``WheelworkError/Kind/retry``.
    public static let storeDowngrade = Self(rawValue: "store_downgrade")

    /// The file system refused. A ``WheelworkError/Kind/retry``.
    public static let storeIo = Self(rawValue: "store_io")

    /// Not a name that a model can have. A ``WheelworkError/Kind/retry``.
    public static let storeName = Self(rawValue: "store_name")

    /// The disk is too small, or has become full. A ``WheelworkError/Kind/retry``.
    public static let storeNoSpace = Self(rawValue: "store_no_space")

    /// The compact form of a variant is not to be had. A ``WheelworkError/Kind/unsupported``.
    public static let storeNotCompactable = Self(rawValue: "store_not_compactable")

    /// No such model. A ``WheelworkError/Kind/retry``.
    public static let storeNotInstalled = Self(rawValue: "store_not_installed")

    /// Something that the store did not make stands where it would write or remove. A ``WheelworkError/Kind/retry``.
    public static let storeNotOurs = Self(rawValue: "store_not_ours")

    /// What is installed, or what its compact form gives back, is not what was installed. A ``WheelworkError/Kind/reinstall``.
    public static let storeNotWhole = Self(rawValue: "store_not_whole")

    /// A repair was offered another package. A ``WheelworkError/Kind/retry``.
    public static let storeOtherPackage = Self(rawValue: "store_other_package")

    /// A trusted key signed what is installed, and none signed this. A ``WheelworkError/Kind/retry``.
    public static let storeUnvouched = Self(rawValue: "store_unvouched")

    /// A text longer than any context. A ``WheelworkError/Kind/retry``.
    public static let textTooLong = Self(rawValue: "text_too_long")

    /// The file breaks a rule. A ``WheelworkError/Kind/reinstall``.
    public static let tokenizerInvalid = Self(rawValue: "tokenizer_invalid")

    /// A pattern that can't be run in bounded time. A ``WheelworkError/Kind/unsupported``.
    public static let tokenizerPattern = Self(rawValue: "tokenizer_pattern")

    /// A step of the normalizer or pre-tokenizer is not what its type says, or a pattern is none. A ``WheelworkError/Kind/reinstall``.
    public static let tokenizerSteps = Self(rawValue: "tokenizer_steps")

    /// The file breaks a rule. A ``WheelworkError/Kind/unsupported``.
    public static let tokenizerUnsupported = Self(rawValue: "tokenizer_unsupported")

    /// A prompt of more tokens than are counted. A ``WheelworkError/Kind/retry``.
    public static let tooManyTokens = Self(rawValue: "too_many_tokens")

    /// Messages and tools of more parts than are copied into a template. A ``WheelworkError/Kind/retry``.
    public static let tooManyValues = Self(rawValue: "too_many_values")

    /// A name that is empty, too long or has other characters than letters, digits, `_`, `-` and `.`; counted from 0. A ``WheelworkError/Kind/retry``.
    public static let toolName = Self(rawValue: "tool_name")

    /// Parameters that are not a schema of an object. A ``WheelworkError/Kind/retry``.
    public static let toolParameters = Self(rawValue: "tool_parameters")

    /// Two tools of one name. A ``WheelworkError/Kind/retry``.
    public static let toolTwice = Self(rawValue: "tool_twice")

    /// A call is required, and there is nothing to call. A ``WheelworkError/Kind/retry``.
    public static let toolsNothingToCall = Self(rawValue: "tools_nothing_to_call")

    /// More than a prompt should hold. A ``WheelworkError/Kind/retry``.
    public static let toolsTooMany = Self(rawValue: "tools_too_many")

    /// A call and another form are required at once. A ``WheelworkError/Kind/retry``.
    public static let toolsTwoForms = Self(rawValue: "tools_two_forms")

    /// The folder of what was tried cannot be written. A ``WheelworkError/Kind/retry``.
    public static let trialsIo = Self(rawValue: "trials_io")

    /// A token id outside the vocabulary. A ``WheelworkError/Kind/retry``.
    public static let unknownToken = Self(rawValue: "unknown_token")

    /// The caller cancelled. A ``WheelworkError/Kind/retry``.
    public static let workCancelled = Self(rawValue: "work_cancelled")

    /// An encrypted file, and the key of another. A ``WheelworkError/Kind/retry``.
    public static let wrongSessionKey = Self(rawValue: "wrong_session_key")
}
