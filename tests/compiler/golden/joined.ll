declare i1 @llvm.vector.reduce.or.v32i1(<32 x i1>)
declare <32 x float> @llvm.masked.load.v32f32.p0(ptr, i32, <32 x i1>, <32 x float>)
declare void @llvm.masked.store.v32f32.p0(<32 x float>, ptr, i32, <32 x i1>)
define void @kernel(ptr noalias %slots, ptr noalias %rec, i64 %begin, i64 %end) {
entry:
  %v1 = getelementptr i64, ptr %rec, i64 9
  %v2 = load i64, ptr %v1, align 8, !invariant.load !0
  %v3 = getelementptr i64, ptr %rec, i64 10
  %v4 = load i64, ptr %v3, align 8, !invariant.load !0
  %v5 = getelementptr i64, ptr %rec, i64 11
  %v6 = load i64, ptr %v5, align 8, !invariant.load !0
  %v7 = getelementptr i64, ptr %rec, i64 12
  %v8 = load i64, ptr %v7, align 8, !invariant.load !0
  %v9 = getelementptr i64, ptr %rec, i64 13
  %v10 = load i64, ptr %v9, align 8, !invariant.load !0
  %v11 = getelementptr i64, ptr %rec, i64 14
  %v12 = load i64, ptr %v11, align 8, !invariant.load !0
  %v13 = getelementptr i64, ptr %rec, i64 2
  %v14 = load i64, ptr %v13, align 8, !invariant.load !0
  %v15 = getelementptr ptr, ptr %slots, i64 %v14
  %v16 = load ptr, ptr %v15, align 8, !invariant.load !0
  %v17 = getelementptr i64, ptr %rec, i64 5
  %v18 = load i64, ptr %v17, align 8, !invariant.load !0
  %v19 = getelementptr ptr, ptr %slots, i64 %v18
  %v20 = load ptr, ptr %v19, align 8, !invariant.load !0
  %v21 = getelementptr i64, ptr %rec, i64 6
  %v22 = load i64, ptr %v21, align 8, !invariant.load !0
  %v23 = getelementptr ptr, ptr %slots, i64 %v22
  %v24 = load ptr, ptr %v23, align 8, !invariant.load !0
  %v25 = getelementptr i64, ptr %rec, i64 8
  %v26 = load i64, ptr %v25, align 8, !invariant.load !0
  %v27 = getelementptr ptr, ptr %slots, i64 %v26
  %v28 = load ptr, ptr %v27, align 8, !invariant.load !0
  %v29 = getelementptr i64, ptr %rec, i64 0
  %v30 = load i64, ptr %v29, align 8, !invariant.load !0
  %v31 = getelementptr i64, ptr %rec, i64 3
  %v32 = load i64, ptr %v31, align 8, !invariant.load !0
  %v33 = getelementptr i64, ptr %rec, i64 7
  %v34 = load i64, ptr %v33, align 8, !invariant.load !0
  %v35 = getelementptr i64, ptr %rec, i64 1
  %v36 = load i64, ptr %v35, align 8, !invariant.load !0
  %v37 = getelementptr i64, ptr %rec, i64 4
  %v38 = load i64, ptr %v37, align 8, !invariant.load !0
  %v39 = mul i64 %begin, %v2
  %v40 = mul i64 %end, %v2
  %v41 = icmp slt i64 %v40, %v4
  %v42 = select i1 %v41, i64 %v40, i64 %v4
  %v43 = icmp slt i64 %v39, %v42
  br i1 %v43, label %start3, label %finished2
start3:
  %v44 = udiv i64 %v39, %v6
  %v45 = mul i64 %v44, %v6
  %v46 = sub i64 %v39, %v45
  br label %unit1
unit1:
  %p47 = phi i64 [%v39, %start3], [%v130, %end7]
  %p48 = phi i64 [%v46, %start3], [%v133, %end7]
  %v49 = mul i64 %p48, %v8
  %v50 = add i64 %v49, %v8
  %v51 = icmp slt i64 %v50, %v10
  %v52 = select i1 %v51, i64 %v50, i64 %v10
  %v53 = sub i64 %v52, %v49
  %v54 = and i64 %v53, -32
  %v55 = add i64 %v49, %v54
  %v56 = icmp slt i64 %v49, %v55
  br i1 %v56, label %loop4, label %done5
loop4:
  %p57 = phi i64 [%v49, %unit1], [%v89, %loop4]
  %v58 = insertelement <32 x i64> poison, i64 %v36, i64 0
  %v59 = shufflevector <32 x i64> %v58, <32 x i64> poison, <32 x i32> zeroinitializer
  %v60 = add i64 %v30, %p57
  %v61 = insertelement <32 x i64> poison, i64 %v60, i64 0
  %v62 = shufflevector <32 x i64> %v61, <32 x i64> poison, <32 x i32> zeroinitializer
  %v63 = add <32 x i64> %v62, <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9, i64 10, i64 11, i64 12, i64 13, i64 14, i64 15, i64 16, i64 17, i64 18, i64 19, i64 20, i64 21, i64 22, i64 23, i64 24, i64 25, i64 26, i64 27, i64 28, i64 29, i64 30, i64 31>
  %v64 = icmp ult <32 x i64> %v63, %v59
  %v65 = add i64 %v30, %p57
  %v66 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v64)
  %v67 = getelementptr float, ptr %v16, i64 %v65
  %v68 = select i1 %v66, ptr %v67, ptr %v16
  %v69 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v68, i32 4, <32 x i1> %v64, <32 x float> zeroinitializer)
  %v70 = insertelement <32 x i64> poison, i64 %v38, i64 0
  %v71 = shufflevector <32 x i64> %v70, <32 x i64> poison, <32 x i32> zeroinitializer
  %v72 = add i64 %v32, %p57
  %v73 = insertelement <32 x i64> poison, i64 %v72, i64 0
  %v74 = shufflevector <32 x i64> %v73, <32 x i64> poison, <32 x i32> zeroinitializer
  %v75 = add <32 x i64> %v74, <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9, i64 10, i64 11, i64 12, i64 13, i64 14, i64 15, i64 16, i64 17, i64 18, i64 19, i64 20, i64 21, i64 22, i64 23, i64 24, i64 25, i64 26, i64 27, i64 28, i64 29, i64 30, i64 31>
  %v76 = icmp ult <32 x i64> %v75, %v71
  %v77 = add i64 %v32, %p57
  %v78 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v76)
  %v79 = getelementptr float, ptr %v20, i64 %v77
  %v80 = select i1 %v78, ptr %v79, ptr %v20
  %v81 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v80, i32 4, <32 x i1> %v76, <32 x float> zeroinitializer)
  %v82 = select <32 x i1> %v76, <32 x float> %v81, <32 x float> %v69
  %v83 = add i64 %v32, %p57
  %v84 = getelementptr float, ptr %v24, i64 %v83
  %v85 = load <32 x float>, ptr %v84, align 4
  %v86 = fmul <32 x float> %v82, %v85
  %v87 = add i64 %v34, %p57
  %v88 = getelementptr float, ptr %v28, i64 %v87
  store <32 x float> %v86, ptr %v88, align 4
  %v89 = add i64 %p57, 32
  %v90 = icmp slt i64 %v89, %v55
  br i1 %v90, label %loop4, label %done5
done5:
  %v91 = icmp slt i64 %v55, %v52
  br i1 %v91, label %tail6, label %end7
tail6:
  %v92 = sub i64 %v52, %v55
  %v93 = trunc i64 %v92 to i32
  %v94 = insertelement <32 x i32> poison, i32 %v93, i64 0
  %v95 = shufflevector <32 x i32> %v94, <32 x i32> poison, <32 x i32> zeroinitializer
  %v96 = icmp slt <32 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15, i32 16, i32 17, i32 18, i32 19, i32 20, i32 21, i32 22, i32 23, i32 24, i32 25, i32 26, i32 27, i32 28, i32 29, i32 30, i32 31>, %v95
  %v97 = insertelement <32 x i64> poison, i64 %v36, i64 0
  %v98 = shufflevector <32 x i64> %v97, <32 x i64> poison, <32 x i32> zeroinitializer
  %v99 = add i64 %v30, %v55
  %v100 = insertelement <32 x i64> poison, i64 %v99, i64 0
  %v101 = shufflevector <32 x i64> %v100, <32 x i64> poison, <32 x i32> zeroinitializer
  %v102 = add <32 x i64> %v101, <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9, i64 10, i64 11, i64 12, i64 13, i64 14, i64 15, i64 16, i64 17, i64 18, i64 19, i64 20, i64 21, i64 22, i64 23, i64 24, i64 25, i64 26, i64 27, i64 28, i64 29, i64 30, i64 31>
  %v103 = icmp ult <32 x i64> %v102, %v98
  %v104 = and <32 x i1> %v96, %v103
  %v105 = add i64 %v30, %v55
  %v106 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v103)
  %v107 = getelementptr float, ptr %v16, i64 %v105
  %v108 = select i1 %v106, ptr %v107, ptr %v16
  %v109 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v108, i32 4, <32 x i1> %v104, <32 x float> zeroinitializer)
  %v110 = insertelement <32 x i64> poison, i64 %v38, i64 0
  %v111 = shufflevector <32 x i64> %v110, <32 x i64> poison, <32 x i32> zeroinitializer
  %v112 = add i64 %v32, %v55
  %v113 = insertelement <32 x i64> poison, i64 %v112, i64 0
  %v114 = shufflevector <32 x i64> %v113, <32 x i64> poison, <32 x i32> zeroinitializer
  %v115 = add <32 x i64> %v114, <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9, i64 10, i64 11, i64 12, i64 13, i64 14, i64 15, i64 16, i64 17, i64 18, i64 19, i64 20, i64 21, i64 22, i64 23, i64 24, i64 25, i64 26, i64 27, i64 28, i64 29, i64 30, i64 31>
  %v116 = icmp ult <32 x i64> %v115, %v111
  %v117 = and <32 x i1> %v96, %v116
  %v118 = add i64 %v32, %v55
  %v119 = call i1 @llvm.vector.reduce.or.v32i1(<32 x i1> %v116)
  %v120 = getelementptr float, ptr %v20, i64 %v118
  %v121 = select i1 %v119, ptr %v120, ptr %v20
  %v122 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v121, i32 4, <32 x i1> %v117, <32 x float> zeroinitializer)
  %v123 = select <32 x i1> %v116, <32 x float> %v122, <32 x float> %v109
  %v124 = add i64 %v32, %v55
  %v125 = getelementptr float, ptr %v24, i64 %v124
  %v126 = call <32 x float> @llvm.masked.load.v32f32.p0(ptr %v125, i32 4, <32 x i1> %v96, <32 x float> zeroinitializer)
  %v127 = fmul <32 x float> %v123, %v126
  %v128 = add i64 %v34, %v55
  %v129 = getelementptr float, ptr %v28, i64 %v128
  call void @llvm.masked.store.v32f32.p0(<32 x float> %v127, ptr %v129, i32 4, <32 x i1> %v96)
  br label %end7
end7:
  %v130 = add i64 %p47, 1
  %v131 = add i64 %p48, 1
  %v132 = icmp eq i64 %v131, %v6
  %v133 = select i1 %v132, i64 0, i64 %v131
  %v134 = icmp slt i64 %v130, %v42
  br i1 %v134, label %unit1, label %finished2
finished2:
  ret void
}
!0 = !{}
